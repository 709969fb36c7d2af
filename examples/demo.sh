#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo, from a machine that has only compilers and CMake: installs what is missing where it may, builds the program
# qfa and audits the small model in examples/demo.  Arguments go to `qfa demo`; a folder behind --out is the caller's.
# QFA_PROGRAM=PATH takes a program that was built before.
set -euo pipefail
from=$PWD
program=${QFA_PROGRAM:-}
if [ -z "$program" ]; then
  cd "$(dirname "$0")/.."
  mkdir -p build
  . cmake/bootstrap.sh
  qfa_need $qfa_packages
  qfa_configure release
  qfa_build release --target qfa_program >&2
  program=$PWD/build/release/examples/qfa/qfa
  cd "$from"
fi
exec "$program" demo "$@"
