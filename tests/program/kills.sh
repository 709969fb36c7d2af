#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts that kill runs of the program and let them go on.

# killed_often KILLS TOOK SAME COMMAND...: kills COMMAND so many times after random parts of TOOK, the microseconds that it
# takes, and more often until a quarter of them have gone on from a checkpoint.  Where it was faster, SAME is called: to
# compare what was written, and to remove it.
killed_often() {
  local kills=$1 took=$2 same=$3 killed=0 went_on=0 pid wait status
  shift 3
  while [ "$killed" -lt "$kills" ] || { [ "$went_on" -le $((kills / 4)) ] && [ "$killed" -lt $((5 * kills)) ]; }; do
    "$@" >killed.txt 2>killed.err &
    pid=$!
    wait=$(((RANDOM * 32768 + RANDOM) % (took / 2)))
    sleep "$(printf '%d.%06d' $((wait / 1000000)) $((wait % 1000000)))"
    kill -KILL "$pid" 2>/dev/null || true
    status=0
    wait "$pid" 2>/dev/null || status=$?
    grep -q 'going on from' killed.err && went_on=$((went_on + 1))
    if [ "$status" -eq 0 ]; then  # the next one starts anew
      "$same"
      continue
    fi
    [ "$status" -eq 137 ] || { cat killed.err; exit 1; }
    killed=$((killed + 1))
  done
  [ "$went_on" -gt $((kills / 4)) ] || { echo "$went_on of $kills went on from a checkpoint"; exit 1; }
}

# killed_with FILE COMMAND...: kills COMMAND as soon as there is such a file.
killed_with() {
  local file=$1 pid
  shift
  "$@" >killed.txt 2>&1 &
  pid=$!
  until [ -e "$file" ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
