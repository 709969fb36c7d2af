# SPDX-License-Identifier: Apache-2.0
# Published tokenizers against implementations of npm, which cmake/check_more.sh fetches.
if(TARGET qfa::text)
  add_executable(qfa_tokenizers EXCLUDE_FROM_ALL tokenizers/compare.cpp)
  target_link_libraries(qfa_tokenizers PRIVATE qfa_strict qfa::text $<TARGET_NAME_IF_EXISTS:qfa::sentencepiece>)
endif()
