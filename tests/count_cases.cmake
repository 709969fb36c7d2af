# SPDX-License-Identifier: Apache-2.0
# Runs a test program once as a whole, and demands that ctest knows as many cases as it ran.
#
#   cmake -D PROGRAM=... -D PREFIX=core/ -D BUILD=... -P count_cases.cmake
#
# A case per ctest entry is only as good as its filter: with doctest 2.4.9 a failing case whose name holds a semicolon
# becomes two entries that match nothing, and both pass.
cmake_minimum_required(VERSION 3.24)
execute_process(COMMAND "${PROGRAM}" OUTPUT_VARIABLE output RESULT_VARIABLE status)
if(status STREQUAL "77")
  message("${output}")
  return()
endif()
if(NOT status STREQUAL "0")
  message(FATAL_ERROR "${output}\n${PROGRAM} ended with ${status}")
endif()
if(NOT output MATCHES "test cases: *([0-9]+) *\\| *([0-9]+) passed *\\| *0 failed *\\| *([0-9]+) skipped")
  message(FATAL_ERROR "${output}\n${PROGRAM} did not say how many cases it ran")
endif()
math(EXPR ran "${CMAKE_MATCH_1} + ${CMAKE_MATCH_3}")
if(NOT CMAKE_MATCH_3 STREQUAL "0")
  message(FATAL_ERROR "${PROGRAM} skipped ${CMAKE_MATCH_3} cases: a case that does not run must not look as if it passed")
endif()

execute_process(COMMAND "${CMAKE_CTEST_COMMAND}" --test-dir "${BUILD}" -N -R "^${PREFIX}"
  OUTPUT_VARIABLE listed RESULT_VARIABLE status)
if(NOT status STREQUAL "0" OR NOT listed MATCHES "Total Tests: ([0-9]+)")
  message(FATAL_ERROR "${listed}\nctest could not list the tests of ${PREFIX}")
endif()
if(NOT CMAKE_MATCH_1 STREQUAL ran)
  message(FATAL_ERROR "${PROGRAM} ran ${ran} cases, ctest knows ${CMAKE_MATCH_1}: is there a ; or a [ in a name?")
endif()
message("${PREFIX} ${ran} cases")
