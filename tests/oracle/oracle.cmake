# SPDX-License-Identifier: Apache-2.0
# The cases that need the large oracle data: skipped while QFA_ORACLE_DATA is empty.
file(GLOB sources CONFIGURE_DEPENDS oracle/*_test.cpp)
if(sources AND NOT "oracle" IN_LIST QFA_LEAVE_OUT_TESTS)
  set(properties ENVIRONMENT "QFA_ORACLE_DATA=${QFA_ORACLE_DATA}" SKIP_RETURN_CODE 77 COST 50)  # long ones first
  add_cases(qfa_oracle_test "oracle/" ${sources} oracle/main.cpp)
  target_compile_options(qfa_oracle_test PRIVATE ${light_test_options})
  qfa_enable_dispatch(qfa_oracle_test)  # by the kernels at -O3: at -O1 audits of a real model run twice as long
endif()
