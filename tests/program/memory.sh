#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# memory.sh PROGRAM SOURCE WORK TOOLS: memory does not grow with tokens, from half a million to two million.  Skipped
# where /proc does not tell.
set -euo pipefail
qfa=$1 source=$2 tools=$4
grep -q RssAnon /proc/self/status 2>/dev/null || exit 77
# Of some 20 MB, what two threads' heaps take more or less from run to run is a larger share than of a large audit.
RUNS=1 FEATURES=256 FILE_TOKENS=500000 TIMES="1 4" SLACK=4096 LIMIT=320000 bash "$source/bench/memory.sh" "$qfa" "$tools"
