# SPDX-License-Identifier: Apache-2.0
# Every reader against bytes that nobody wrote (tests/fuzz/run.sh): a moment in .ci/run, minutes in cmake/check_more.sh.
if(NOT sanitizing EQUAL -1 AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_executable(qfa_fuzz EXCLUDE_FROM_ALL fuzz/fuzz.cpp)
  target_include_directories(qfa_fuzz PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/examples/qfa")
  target_compile_definitions(qfa_fuzz PRIVATE QFA_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
  target_link_libraries(qfa_fuzz PRIVATE qfa_strict $<TARGET_NAME_IF_EXISTS:qfa::npz> $<TARGET_NAME_IF_EXISTS:qfa::text>
    $<TARGET_NAME_IF_EXISTS:qfa::sentencepiece>)
  target_compile_options(qfa_fuzz PRIVATE -fsanitize=fuzzer $<$<BOOL:${QFA_QUICK_BUILD}>:-O0>)
  target_link_options(qfa_fuzz PRIVATE -fsanitize=fuzzer)
endif()
