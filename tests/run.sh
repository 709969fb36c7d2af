#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole test suite, from a machine that has only compilers and CMake.  Arguments go to CMake.
#
# The tests that need large data are skipped, unless the environment names its folder: QFA_ORACLE_DATA=... tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
. cmake/bootstrap.sh
qfa_need $qfa_packages $qfa_mpi_packages
with_mpi=OFF
if command -v mpicxx >/dev/null && command -v mpiexec >/dev/null; then with_mpi=ON; fi
qfa_configure release -D QFA_WITH_MPI=$with_mpi ${QFA_ORACLE_DATA+-D "QFA_ORACLE_DATA=$QFA_ORACLE_DATA"} "$@"
qfa_build release
ctest --preset release -j "$(nproc)"
# Of a test that passes, ctest shows nothing.
left_out=build/release/tests/program/faults/left_out
[ ! -e $left_out ] || echo "program.faults: $(cat $left_out)"
