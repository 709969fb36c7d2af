# SPDX-License-Identifier: Apache-2.0
# A user's project, by every way of reaching qfa (consumer/run.cmake).
set(components)
foreach(component IN LISTS qfa_components)
  if(TARGET qfa::${component})
    list(APPEND components ${component})
  endif()
endforeach()
list(JOIN components "," components)  # a semicolon would not survive the way to the consumer
set(include_folders $<TARGET_PROPERTY:qfa_odr,INCLUDE_DIRECTORIES>)
if(TARGET qfa::mpi)
  list(APPEND include_folders $<TARGET_PROPERTY:MPI::MPI_CXX,INTERFACE_INCLUDE_DIRECTORIES>)
endif()
set(kinds subfolder fetched single_header fast_math)
find_program(PKG_CONFIG pkg-config)
if(QFA_INSTALL)
  list(APPEND kinds installed absent)
  if(PKG_CONFIG)
    list(APPEND kinds pkgconfig)
  endif()
endif()
foreach(kind IN LISTS kinds)
  add_test(NAME package.${kind} COMMAND ${CMAKE_COMMAND} -D KIND=${kind} -D BUILD=${PROJECT_BINARY_DIR}
    -D SOURCE=${PROJECT_SOURCE_DIR} -D WORK=${CMAKE_CURRENT_BINARY_DIR}/consumer/${kind} -D COMPILER=${CMAKE_CXX_COMPILER}
    -D GENERATOR=${CMAKE_GENERATOR} "-DFLAGS=${CMAKE_CXX_FLAGS}" -D VERSION=${PROJECT_VERSION}
    -D DISPATCHES=$<TARGET_EXISTS:qfa_kernels> "-DCOMPONENTS=${components}" "-DPKG_CONFIG=${PKG_CONFIG}"
    "-DINCLUDES=$<JOIN:${include_folders},$<COMMA>>"
    -P "${CMAKE_CURRENT_SOURCE_DIR}/consumer/run.cmake")
  set_tests_properties(package.${kind} PROPERTIES COST 150)  # compiles all headers: it must not be left for the end
endforeach()

# README.md's commands, from the installation to a project of one's own.
if(QFA_INSTALL AND TARGET qfa_program)
  add_test(NAME package.own_project COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/docs/own_project.sh" "${PROJECT_SOURCE_DIR}"
    "${PROJECT_BINARY_DIR}" "${CMAKE_CURRENT_BINARY_DIR}/own_project" "${CMAKE_CXX_COMPILER}")
  set_tests_properties(package.own_project PROPERTIES COST 120)
endif()

# Packages of tools that Debian does not have, on stand-ins.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  execute_process(COMMAND ${Python3_EXECUTABLE} -c "import jsonschema" RESULT_VARIABLE no_jsonschema ERROR_QUIET)
  if(no_jsonschema EQUAL 0)
    add_test(NAME package.manifests COMMAND ${Python3_EXECUTABLE} "${CMAKE_CURRENT_SOURCE_DIR}/packages/manifests.py"
      "${PROJECT_SOURCE_DIR}")
  endif()
  if(TARGET qfa::npz AND TARGET qfa::text)
    add_test(NAME package.conan_recipe COMMAND ${Python3_EXECUTABLE} "${CMAKE_CURRENT_SOURCE_DIR}/packages/conan_recipe.py"
      "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_BINARY_DIR}/conan" "${CMAKE_CXX_COMPILER}" "${CMAKE_GENERATOR}"
      "${CMAKE_CXX_FLAGS}")
  endif()
endif()
if(TARGET qfa::npz)
  add_test(NAME package.vcpkg_port COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D VERSION=${PROJECT_VERSION}
    -D WORK=${CMAKE_CURRENT_BINARY_DIR}/vcpkg -D COMPILER=${CMAKE_CXX_COMPILER} -D GENERATOR=${CMAKE_GENERATOR}
    "-DFLAGS=${CMAKE_CXX_FLAGS}" -D TOKENIZERS=$<TARGET_EXISTS:qfa::sentencepiece>
    -P "${CMAKE_CURRENT_SOURCE_DIR}/packages/vcpkg_port.cmake")
  if(QFA_INSTALL AND TARGET qfa_program)
    add_test(NAME package.vcpkg_program COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR}
      -D VERSION=${PROJECT_VERSION} -D WORK=${CMAKE_CURRENT_BINARY_DIR}/vcpkg_program -D COMPILER=${CMAKE_CXX_COMPILER}
      -D GENERATOR=${CMAKE_GENERATOR} "-DFLAGS=${CMAKE_CXX_FLAGS}" -D PROGRAM=$<TARGET_FILE:qfa_program>
      -D MPI=$<TARGET_EXISTS:qfa::mpi> -P "${CMAKE_CURRENT_SOURCE_DIR}/packages/vcpkg_port.cmake")
  endif()
endif()
