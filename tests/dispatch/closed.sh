#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# closed.sh NM READELF LEVEL OPEN CLOSED...: each closed object of kernels (avx2.Release.o) shows its three functions and nothing
# else, and runs nothing by itself when a program starts: neither may code for one instruction set end up where another
# is meant, nor run on a machine that lacks it.
set -euo pipefail
nm=$1 readelf=$2 level=$3 open=$4
shift 4

# is_closed LEVEL OBJECT: says what is wrong with it.
is_closed() {
  local shown bad
  shown=$("$nm" --extern-only --defined-only --format=posix "$2" | cut -d' ' -f1 | sort | tr '\n' ' ')
  [ "$shown" = "qfa_decoder_$1 qfa_encoder_$1 qfa_gram_$1 " ] || { echo "$2 shows $(wc -w <<<"$shown") symbols: ${shown:0:200}"; return 1; }
  # Unique symbols are merged in spite of what hides others; groups are merged by their names.
  bad=$("$readelf" -sW "$2" | grep -E ' (UNIQUE|WEAK) .* [0-9]+ ' || true)
  [ -z "$bad" ] || { echo "$2 has symbols that are merged: ${bad:0:200}"; return 1; }
  bad=$("$readelf" -SW "$2" | grep -E '\.(init_array|ctors|preinit_array)|GROUP' || true)
  [ -z "$bad" ] || { echo "$2 runs code at the start, or has groups: ${bad:0:200}"; return 1; }
  # What it takes from outside is the libraries': nothing of qfa's.
  bad=$("$nm" --undefined-only "$2" | grep qfa || true)
  [ -z "$bad" ] || { echo "$2 takes code of qfa from elsewhere: ${bad:0:200}"; return 1; }
}

# `open` is the object of `level` as the compiler made it.
if is_closed "$level" "$open" >/dev/null; then
  echo "$open has not been closed, and this script does not notice"
  exit 1
fi
[ $# -gt 0 ]
for object in "$@"; do
  level=$(basename "$object")
  is_closed "${level%%.*}" "$object"
done
