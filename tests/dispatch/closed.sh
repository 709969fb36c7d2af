#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# closed.sh NM READELF LEVEL OPEN CLOSED...: each closed object (avx2.kernels.Release.o) shows its functions and nothing
# else, and runs nothing by itself when a program starts: neither may code for one instruction set end up where another
# is meant, nor run on a machine that lacks it.
set -euo pipefail
nm=$1 readelf=$2 level=$3 open=$4
shift 4

# is_closed LEVEL STEM OBJECT: says what is wrong with it.
is_closed() {
  local shown bad names
  case $2 in
    kernels) names="qfa_decoder_$1 qfa_encoder_$1 qfa_gram_$1 qfa_rank_update_$1 " ;;
    factor) names="qfa_inverse_cholesky_$1 " ;;
  esac
  shown=$("$nm" --extern-only --defined-only --format=posix "$3" | cut -d' ' -f1 | sort | tr '\n' ' ')
  [ "$shown" = "$names" ] || { echo "$3 shows $(wc -w <<<"$shown") symbols: ${shown:0:200}"; return 1; }
  # Unique symbols are merged in spite of what hides others; groups are merged by their names.
  bad=$("$readelf" -sW "$3" | grep -E ' (UNIQUE|WEAK) .* [0-9]+ ' || true)
  [ -z "$bad" ] || { echo "$3 has symbols that are merged: ${bad:0:200}"; return 1; }
  bad=$("$readelf" -SW "$3" | grep -E '\.(init_array|ctors|preinit_array)|GROUP' || true)
  [ -z "$bad" ] || { echo "$3 runs code at the start, or has groups: ${bad:0:200}"; return 1; }
  # What it takes from outside is the libraries': nothing of qfa's.
  bad=$("$nm" --undefined-only "$3" | grep qfa || true)
  [ -z "$bad" ] || { echo "$3 takes code of qfa from elsewhere: ${bad:0:200}"; return 1; }
}

# `open` is the object of `level` as the compiler made it.
if is_closed "$level" kernels "$open" >/dev/null; then
  echo "$open has not been closed, and this script does not notice"
  exit 1
fi
[ $# -gt 0 ]
for object in "$@"; do
  IFS=. read -r level stem _ <<<"$(basename "$object")"
  is_closed "$level" "$stem" "$object"
done
