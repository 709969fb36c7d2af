# SPDX-License-Identifier: Apache-2.0
# The kernels of every level beside those that our own flags make, where a target can have both.
qfa_add_kernels()
if(TARGET qfa_kernels)
  file(GLOB sources CONFIGURE_DEPENDS dispatch/*_test.cpp)
  unset(properties)
  add_cases(qfa_dispatch_test "dispatch/" ${sources})
  target_link_libraries(qfa_dispatch_test PRIVATE qfa_test_main)
  target_compile_options(qfa_dispatch_test PRIVATE ${test_options})
  qfa_enable_dispatch(qfa_dispatch_test)
  get_property(level GLOBAL PROPERTY QFA_WIDEST_LEVEL)
  add_test(NAME dispatch.closed COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/dispatch/closed.sh" ${CMAKE_NM}
    ${CMAKE_READELF} ${level} $<TARGET_OBJECTS:qfa_kernels_${level}> $<TARGET_OBJECTS:qfa_kernels> COMMAND_EXPAND_LISTS)
endif()
