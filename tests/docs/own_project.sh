#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# own_project.sh SOURCE BUILD WORK COMPILER: README.md's own commands: an audit of a model directory, and from the
# installation to a project of a user's own.
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
# It collects its garbage less often: 38 s.
case $("$compiler" --version) in *"Free Software"*) CXXFLAGS+=" --param=ggc-min-heapsize=4000000" ;; esac
unset CMAKE_GENERATOR PKG_CONFIG_PATH  # a user has neither
cd "$work"
bash -euo pipefail commands >said 2>&1 || { cat said; echo "README.md's commands ended with an error"; exit 1; }
for line in '^policy .*survived %' '^reference ' '^rtn:bits=4 ' '^round_to_mean '; do
  grep -qE "$line" said || { cat said; echo "the project of one's own prints no line $line"; exit 1; }
done
[ -x home/.local/bin/qfa ] || { echo "the program is not installed"; exit 1; }
# What built it is among what README's two commands install (Debian's make comes as make and as gmake).
built_by=$(sed -n 's/^CMAKE_MAKE_PROGRAM:[A-Z]*=//p' mine/build/CMakeCache.txt | xargs basename | sed 's/^gmake$/make/')
. "$source/cmake/bootstrap.sh"
case " $(echo $qfa_packages) " in
  *" $built_by "*) ;;
  *) echo "a project of one's own was built by $built_by, which cmake/bootstrap.sh does not install"; exit 1 ;;
esac
status=0
mine/build/mine examples/demo/model nowhere examples/demo/tokens.npy >said 2>&1 || status=$?
[ $status = 1 ] && grep -q '^mine: there is no ' said || { cat said; echo "no SAE, expected one sentence and status 1"; exit 1; }

# README.md's demo, by the installed program, which brings the demo's files along.
[ -s home/.local/share/qfa/demo/model/config.json ] || { echo "the demo's files are not installed"; exit 1; }
bash "$source/tests/docs/console.sh" home/.local/bin/qfa "$source" "$work/console" README.md

# The first command of README.md with MODEL_DIR, on the model that there is.
awk '/ --model MODEL_DIR / { inside = 1 } inside { print; if (/--out report$/) exit }' "$source/README.md" |
  sed 's|MODEL_DIR|examples/demo/model|; s|SAE_DIR|examples/demo/sae|; s|tokens.npy|examples/demo/tokens.npy|' >audit
[ "$(wc -l <audit)" = 2 ] || { cat audit; echo "README.md has no audit of MODEL_DIR in two lines"; exit 1; }
bash -euo pipefail audit >said 2>&1 || { cat said; echo "README.md's audit of a model directory fails"; exit 1; }
[ -s report/report.html ] && grep -q '^prune:sparsity=0.3 ' said || { cat said; echo "it wrote no report"; exit 1; }

# The table's line of pkg-config, after the same installation: it finds qfa, and its program has threads.
if command -v pkg-config >/dev/null && command -v c++ >/dev/null; then
  line=$(sed -n 's/^| pkg-config | `\([^`]*\)` .*|$/\1/p' "$source/README.md")
  cat >mine.cpp <<'END'
#include <cstdio>
#include <qfa/compress/rtn.hpp>
#include <qfa/core/parallel.hpp>
int main() { std::printf("%zu threads\n", qfa::thread_count()); }
END
  bash -euo pipefail -c "$line" >said 2>&1 && OMP_NUM_THREADS=3 ./a.out >said 2>&1 && grep -qx '3 threads' said ||
    { cat said; echo "README.md's line of pkg-config makes no program of three threads: $line"; exit 1; }
fi
tail -n 3 commands
