# SPDX-License-Identifier: Apache-2.0
# Demands that ctest runs every case of a test program, each under a filter that finds it.
#
#   cmake -D PROGRAM=... -D PREFIX=core/ -D BUILD=... -P count_cases.cmake
#
# A case per ctest entry is only as good as its filter: with doctest 2.4.9 a failing case whose name holds a semicolon
# becomes two entries that match nothing, and both pass; a bracket stops ctest's parser; a comma or a star in a filter
# finds other cases too.
cmake_minimum_required(VERSION 3.24)
foreach(skipping "" "--no-skip=true")
  execute_process(COMMAND "${PROGRAM}" --list-test-cases ${skipping} OUTPUT_VARIABLE output RESULT_VARIABLE status)
  if(NOT status STREQUAL "0" OR NOT output MATCHES "test cases passing the current filters: ([0-9]+)")
    message(FATAL_ERROR "${output}\n${PROGRAM} did not list its cases")
  endif()
  list(APPEND counts "${CMAKE_MATCH_1}")
endforeach()
list(GET counts 0 cases)
list(GET counts 1 with_skipped)
if(NOT cases STREQUAL with_skipped)
  message(FATAL_ERROR "${PROGRAM} skips some of ${with_skipped} cases: what does not run must not look as if it passed")
endif()
string(FIND "${output}" ";" semicolon)
string(FIND "${output}" "\\" backslash)
string(REGEX REPLACE "\\[doctest\\]" "" names "${output}")
string(FIND "${names}" "[" opening)
string(FIND "${names}" "]" closing)
foreach(place semicolon backslash opening closing)
  if(NOT ${place} EQUAL -1)
    message(FATAL_ERROR "${output}\nA case of ${PROGRAM} has ; [ ] or a backslash in its name, which ctest cannot filter by")
  endif()
endforeach()

execute_process(COMMAND "${CMAKE_CTEST_COMMAND}" --test-dir "${BUILD}" -N -R "^${PREFIX}"
  OUTPUT_VARIABLE listed RESULT_VARIABLE status)
if(NOT status STREQUAL "0" OR NOT listed MATCHES "Total Tests: ([0-9]+)")
  message(FATAL_ERROR "${listed}\nctest could not list the tests of ${PREFIX}")
endif()
if(NOT CMAKE_MATCH_1 STREQUAL cases)
  message(FATAL_ERROR "${PROGRAM} has ${cases} cases, ctest knows ${CMAKE_MATCH_1}")
endif()
message("${PREFIX} ${cases} cases")
