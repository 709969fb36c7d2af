# SPDX-License-Identifier: Apache-2.0
# Fails where OBJECT defines what a second translation unit would define again: what nm gives a capital letter, but for W
# and V, which are inline, and U, which stands elsewhere.
cmake_minimum_required(VERSION 3.24)
execute_process(COMMAND ${NM} -C --defined-only "${OBJECT}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[0-9a-f]+ [A-TX-Z] [^\n]+" strong "${symbols}")
if(NOT symbols MATCHES "qfa::")
  message(FATAL_ERROR "${OBJECT} defines nothing of qfa: is this the object of all headers?")
endif()
if(strong)
  list(JOIN strong "\n" strong)
  message(FATAL_ERROR "Headers define what is not inline, so that two files which include them do not link:\n${strong}")
endif()
