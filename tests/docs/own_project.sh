#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# own_project.sh SOURCE BUILD WORK COMPILER: README.md's own commands, from the installation to a project of a user's own.
#
# The block of README.md that speaks of examples/own_project runs as it stands there, in a folder that has nothing of qfa
# but what the commands name: build/release, which is BUILD here, and examples/.  HOME is a folder of this test's.
set -euo pipefail
export LC_ALL=C OMP_WAIT_POLICY=passive
source=$1 build=$2 work=$3 compiler=$4
rm -rf "$work"
mkdir -p "$work/home" "$work/build"
ln -s "$source/examples" "$work/examples"
ln -s "$build" "$work/build/release"
awk '/^```sh$/ { inside = 1; block = ""; next }
  /^```$/ { if (inside && block ~ /own_project/) { printf "%s", block; found++ } inside = 0 }
  inside { block = block $0 "\n" }
  END { exit found != 1 }' "$source/README.md" >"$work/commands" ||
  { echo "README.md has no block of commands, or several, for examples/own_project"; exit 1; }

# -O1: g++ takes half as long (43 s against 72 s), and the audit is short.  A user's warnings are on, ours are not.
export HOME=$work/home CXX=$compiler CMAKE_BUILD_TYPE=None CXXFLAGS="-O1 -Wall -Wextra -Wpedantic -Werror"
export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Unix Makefiles}
cd "$work"
bash -euo pipefail commands >said 2>&1 || { cat said; echo "README.md's commands ended with an error"; exit 1; }
for line in '^policy .*survived %' '^reference ' '^rtn:bits=4 ' '^round_to_mean '; do
  grep -qE "$line" said || { cat said; echo "the project of one's own prints no line $line"; exit 1; }
done
[ -x home/.local/bin/qfa ] || { echo "the program is not installed"; exit 1; }
status=0
mine/build/mine examples/demo/model nowhere examples/demo/tokens.npy >said 2>&1 || status=$?
[ $status = 1 ] && grep -q '^mine: there is no ' said || { cat said; echo "no SAE, expected one sentence and status 1"; exit 1; }
tail -n 3 commands
