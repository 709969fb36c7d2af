#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every speed that qfa promises, as ratios within one run: against the machine's measured peak, against OpenBLAS, and
# against the published pipeline (bench/ratios.cpp and bench/compare_published.py say what exactly).
#   bash bench/run.sh [--markdown] [--processor-time]      five minutes on a quiet machine, once built; needs 8 GB
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
. cmake/bootstrap.sh
qfa_need $qfa_packages libopenblas-dev python3-numpy python3-torch
qfa_configure release
qfa_build release --target qfa_ratios qfa_ratios_openblas qfa_made_sae qfa_condition >build/bench.log 2>&1 ||
  { tail -n 20 build/bench.log >&2; exit 1; }

# Threads that wait must not spin where the next contestant runs.
export OMP_WAIT_POLICY=passive
build/release/bench/qfa_ratios "$@"
# Debian's own python: another one may not see the packages above.
"$(command -v -p python3)" bench/compare_published.py --programs build/release/bench "$@"
