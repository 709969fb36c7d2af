#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# memory.sh PROGRAM SOURCE WORK TOOLS: memory does not grow with tokens, from half a million to two million.  Skipped
# where /proc does not tell.
set -euo pipefail
qfa=$1 source=$2 tools=$4
grep -q RssAnon /proc/self/status 2>/dev/null || exit 77
# From run to run, two threads' heaps take up to 2 MB more or less.
FEATURES=256 FILE_TOKENS=500000 TIMES="1 4" SLACK=4096 bash "$source/bench/memory.sh" "$qfa" "$tools"
