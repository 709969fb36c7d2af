#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# memory.sh PROGRAM [TOOLS]: what audits of more and more tokens take of memory (Linux).
#
# Two files of FILE_TOKENS tokens are made, and audited as a list that repeats them.  For each length of the list:
#
#   RssAnon  the most memory of its own that the process was seen with: what must be flat
#   VmHWM    the most memory, pages of the mapped files included, which the system may take back at any time
#   VmPeak   the most address space: what `ulimit -v` bounds
#
# LIMIT kB of address space are less than mapping a whole file of each side would take: the last row is the first list
# again under that limit.  Fails where an audit takes more, where RssAnon grows from the shortest list to any other by more
# than 5 % and SLACK kB, or where the program fails.  The heaps of two threads vary from run to run by a tenth (30.7 to
# 34.5 MB over seven runs of a million tokens), and a long run meets their highest: so the shortest list is run RUNS times,
# and its largest figure counts.  PROGRAM is
# a release build of qfa; TOOLS is where made_activations and peak_memory are (bench/), which are compiled where it is
# not given.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
qfa=$(realpath "$1")
width=${WIDTH:-64} features=${FEATURES:-768} file_tokens=${FILE_TOKENS:-1000000}
read -ra times <<<"${TIMES:-1 10 50}"
slack=${SLACK:-2048} runs=${RUNS:-3} limit=${LIMIT:-400000}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}  # every thread has a stack and a heap of its own
export OMP_WAIT_POLICY=passive                # threads that wait do not take the time of those that work

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=${2:-}
if [ -z "$tools" ]; then
  tools=$work
  for tool in made_activations peak_memory; do
    "${CXX:-g++}" -std=c++20 -O2 -I "$here/../include" "$here/$tool.cpp" -o "$tools/$tool"
  done
fi
tools=$(realpath "$tools")
cd "$work"
"$tools/made_activations" made "$file_tokens" "$width" "$features"

echo "activations $width wide, $features features, files of $file_tokens tokens; kB"
printf '%11s %9s %9s %9s %9s %8s\n' tokens limit RssAnon VmHWM VmPeak seconds
first=0 failed=0

# audit TIMES LIMIT: one audit of so many repetitions, and its row of the table.
audit() {
  local files=() i began=$SECONDS anon hwm peak
  for ((i = 0; i < $1; ++i)); do files+=(--activations made/x.npy --compressed moved=made/y.npy); done
  "$tools/peak_memory" peaks.txt "$2" "$qfa" audit --sae made/sae "${files[@]}" --out report >said.txt 2>&1 ||
    { cat said.txt; echo "FAILED: the audit of $(($1 * file_tokens)) tokens"; exit 1; }
  grep -q "^activations audit at made up: $(($1 * file_tokens / 256)) rows of 256 tokens" said.txt ||
    { cat said.txt; echo "FAILED: that was no audit of $(($1 * file_tokens)) tokens"; exit 1; }
  read -r anon hwm peak <peaks.txt
  printf '%11d %9s %9d %9d %9d %8d\n' $(($1 * file_tokens)) "$2" "$anon" "$hwm" "$peak" $((SECONDS - began))
  if (($1 == times[0] && anon > first)); then first=$anon; fi
  if ((anon * 100 > first * 105 + slack * 100)); then
    echo "FAILED: RssAnon grows from $first kB to $anon kB"
    failed=1
  fi
  if ((peak > limit)); then
    echo "FAILED: VmPeak is $peak kB: more of the files is mapped at once than a window of each side"
    failed=1
  fi
}
for ((run = 0; run < runs; ++run)); do audit "${times[0]}" 0; done
for n in "${times[@]:1}"; do audit "$n" 0; done
audit "${times[0]}" "$limit"
exit $failed
