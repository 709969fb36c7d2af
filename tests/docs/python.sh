#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# python.sh PROGRAM SOURCE WORK: the Python of examples/docs/cookbook.md does what its text says (python_blocks.py), by the
# first Python here that has torch (Debian: python3-torch).  Exits with 77 where none has.
set -euo pipefail
export LC_ALL=C OMP_WAIT_POLICY=passive
for python in python3 /usr/bin/python3; do
  command -v "$python" >/dev/null && "$python" -c 'import numpy, torch' 2>/dev/null || continue
  rm -rf "$3"
  mkdir -p "$3"
  exec "$python" -B "$(dirname "$0")/python_blocks.py" "$(realpath "$1")" "$(realpath "$2")" "$(realpath "$3")"
done
echo "no Python here has torch (Debian: apt-get install python3-torch): the cookbook's Python was not run"
exit 77
