#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# console.sh PROGRAM SOURCE WORK DOCUMENT...: every ```console block of the documents, run as a reader would.
#
# A line that begins with "$ " is a command (lines that end in a backslash go on), and what follows is all that it prints
# on either stream; "[...]" stands for any text, over several lines where it has a line of its own.  Blocks of one
# document run in turn in one folder, where demo/ is the model, SAE and tokens that come with qfa, and qfa is on the PATH.
# A command ends with status 0, unless what it should print begins with "qfa: " (then with 2, qfa's status for every
# error of its user's) or with "ls: " and the like (then not with 0).  Only the last command of a pipeline is asked.
# "[...]" and nothing else is refused: it would fit anything.  A block that begins "```console needs=NAME" is left out
# where there is no such program.  A document whose commands use demo/ says how a reader comes by it and by qfa, in a block
# ```sh that links examples/demo, which is run as well, or leaves that to cookbook.md.  tests/docs/console_test.sh proves that each of this can fail.
set -euo pipefail
export LC_ALL=C OMP_WAIT_POLICY=passive
program=$(realpath "$1") source=$2 work=$3
shift 3
PATH=$(dirname "$program"):$PATH
failed=0 ran=0 left_out=0

# The text as a pattern of bash: all of it literal but [...].
as_pattern() {
  sed -e 's/[][\\*?]/\\&/g' -e 's/\\\[\.\.\.\\\]/*/g' -e 's/  *\*$/*/' -e 's/^  *\*/*/' <<<"$1"
}

check() {  # check COMMAND EXPECTED WHERE
  local actual pattern status=0 wanted=0
  case $2 in "qfa: "*) wanted=2 ;; "ls: "* | "bash: "*) wanted="another than 0" ;; esac
  actual=$(bash -c "$1" 2>&1) || status=$?
  actual=$(sed 's/ *$//' <<<"$actual")
  pattern=$(as_pattern "$2")
  ran=$((ran + 1))
  # shellcheck disable=SC2053
  if [[ $actual != $pattern ]]; then
    printf '%s: "%s" printed\n%s\nexpected\n%s\n\n' "$3" "$1" "$actual" "$2"
  elif [ "$status" != "$wanted" ] && { [ "$wanted" != "another than 0" ] || [ "$status" = 0 ]; }; then
    printf '%s: "%s" ended with status %s, expected %s; it printed\n%s\n\n' "$3" "$1" "$status" "$wanted" "$actual"
  elif [[ $2 =~ ^([[:space:]]|\[\.\.\.\])+$ ]]; then
    printf '%s: "%s" is expected to print [...] alone, which fits anything\n\n' "$3" "$1"
  else
    return 0
  fi
  failed=$((failed + 1))
}

# What a reader does first, in the folder of the sources, where the program was built.
set_up() {  # set_up DOCUMENT
  grep -qE '^(\$ |  +).*demo/' "$source/$1" || return 0
  awk '/^```sh$/ { inside = 1; block = ""; next } /^```$/ { if (inside && block ~ /ln -s examples\/demo /) printf "%s", block; inside = 0 }
    inside { block = block $0 "\n" }' "$source/$1" >"$work/set_up.sh"
  if [ ! -s "$work/set_up.sh" ]; then
    grep -q '(cookbook\.md)' "$source/$1" && return 0
    echo "$1 uses demo/ and qfa, and does not say where they come from"
    return 1
  fi
  rm -rf "$work/sources"
  mkdir -p "$work/sources/build/release/examples/qfa"
  ln -s "$source/examples" "$work/sources/examples"
  ln -s "$program" "$work/sources/build/release/examples/qfa/qfa"
  (cd "$work/sources" && PATH=/usr/bin:/bin && . "$work/set_up.sh" && [ -e demo/model ] && [ "$(command -v qfa)" -ef "$program" ]) ||
    { cat "$work/set_up.sh"; echo "these lines of $1 give neither demo/ nor qfa"; return 1; }
}

mkdir -p "$work"
for document in "$@"; do
  set_up "$document" || failed=$((failed + 1))
  folder=$work/$(basename "$document" .md)
  rm -rf "$folder"
  mkdir -p "$folder"
  ln -s "$source/examples/demo" "$folder/demo"
  cd "$folder"
  inside=0 command="" expected="" more=0 before=$((ran + left_out))
  while IFS= read -r line || [ -n "$line" ]; do
    if [ $inside = 0 ]; then
      case $line in
        '```console needs='*) if command -v "${line#*needs=}" >/dev/null; then inside=1; else left_out=$((left_out + 1)); fi ;;
        '```console') inside=1 ;;
      esac
      command=""
    elif [ $more = 1 ]; then
      command+=$'\n'$line
      [[ $line == *\\ ]] || more=0
    elif [[ $line == '$ '* || $line == '```' ]]; then
      [ -z "$command" ] || check "$command" "${expected%$'\n'}" "$(basename "$document")"
      command=${line#'$ '} expected=""
      [[ $line == *\\ ]] && more=1
      [ "$line" != '```' ] || inside=0
    else
      expected+=$line$'\n'
    fi
  done <"$source/$document"
  if [ $inside = 1 ] || [ $before = $((ran + left_out)) ]; then
    printf '%s has no block of commands, or one without an end\n' "$(basename "$document")"
    failed=$((failed + 1))
  fi
done
printf '%s commands of the documents ran, %s failed; %s blocks left out, for want of a program they need\n' "$ran" "$failed" "$left_out"
[ "$ran" -gt 0 ] && [ "$failed" -eq 0 ]
