#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh PROGRAM SOURCE WORK: examples/demo.sh hands its arguments to `qfa demo` where its caller stands, around a
# program that was built before and around what it builds, here by stand-ins.  (package.own_project runs the whole demo,
# most of a minute.)
set -euo pipefail
qfa=$(realpath "$1") source=$2 work=$3
rm -rf "$work" && mkdir -p "$work/here" "$work/sources/examples" "$work/sources/cmake" && cd "$work/here"
QFA_PROGRAM=$qfa bash "$source/examples/demo.sh" align --help >said.txt
grep -q '^  --out TEXT .*alignment.json' said.txt || { cat said.txt; echo "demo.sh align --help is not that of qfa"; exit 1; }
status=0
QFA_PROGRAM=$qfa bash "$source/examples/demo.sh" --out said.txt/report >out.txt 2>err.txt || status=$?
[ $status = 2 ] && grep -q '^qfa: --out "said.txt/report" cannot be made' err.txt ||
  { cat out.txt err.txt; echo "a report was not to be written beneath said.txt of the caller's folder"; exit 1; }

cp "$source/examples/demo.sh" "$work/sources/examples"
cat >"$work/sources/cmake/bootstrap.sh" <<'END'
qfa_packages=none
qfa_need() { :; }
qfa_configure() { mkdir -p build/release/examples/qfa; }
qfa_build() { printf '#!/bin/sh\necho "$@" >ran\n' >build/release/examples/qfa/qfa && chmod +x build/release/examples/qfa/qfa; }
END
bash "$work/sources/examples/demo.sh" --out report
[ -e ran ] && [ "$(cat ran)" = "demo --out report" ] || { echo "what it builds does not run where the caller stands"; exit 1; }
