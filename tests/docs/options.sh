#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# options.sh PROGRAM SOURCE: the documents and `--help` agree on every option of every command.
#
# Each command has one section "Options of `qfa COMMAND`" in a document, whose table names the options that its --help
# has and no other, with the number that stands there as a default.  An option behind `qfa COMMAND` in a block of shell
# commands or in a sentence is one of that command, an option by itself one of some command.  tests/docs/options_test.sh
# proves that each of this can fail.
set -euo pipefail
export LC_ALL=C
program=$(realpath "$1")
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
problems=0
wrong() { problems=$((problems + 1)); printf '%s\n' "$*"; }
documents=(README.md examples/docs/*.md)
foreign="bind-to classic kv-cache-dtype"  # mpirun's, vcpkg's and vLLM's

options_of() { grep -oE '^  (-[a-z],)?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' | sort -u; }
"$program" --help >"$work/help"
options_of <"$work/help" >"$work/every"
commands=$(sed '1,/^Subcommands:/d' "$work/help" | awk '/^  [a-z]/ { print $1 }')
[ -n "$commands" ] || { echo "--help names no commands"; exit 1; }
for command in $commands; do
  "$program" "$command" --help >"$work/$command.help"
  options_of <"$work/$command.help" >"$work/$command.options"
  cat "$work/$command.options" >>"$work/every"
  awk -v heading="^##+ Options of \`qfa $command\`\$" '/^##+ / { inside = $0 ~ heading; found += inside }
    inside && /^\| `--/ { print } END { exit found != 1 }' "${documents[@]}" >"$work/table" ||
    wrong "there is not one section \"Options of \`qfa $command\`\""
  cut -d'|' -f2 "$work/table" | grep -oE -- '--[a-z0-9-]+' | sort >"$work/named" || :
  for option in $(sort -u "$work/named" | comm -13 - "$work/$command.options"); do
    wrong "no document's table says what $option of qfa $command is"
  done
  for option in $(sort -u "$work/named" | comm -23 - "$work/$command.options"); do
    wrong "the table of qfa $command has $option, which --help has not"
  done
  for option in $(uniq -d "$work/named"); do wrong "the table of qfa $command has $option twice"; done
  # Defaults that are numbers: "(64)", "(40960); 0: on all", "; 1G".
  while read -r option number; do
    row=$(grep -E -- "^\|[^|]*$option[\` ]" "$work/table" || :)
    [ -z "$row" ] || grep -qE "(^|[^0-9.])${number//./\\.}([^0-9]|$)" <<<"$row" ||
      wrong "the table of qfa $command does not say $number of $option, as --help does"
  done < <(awk '/^  -/ { print text; text = "" } { text = text " " $0 } END { print text }' "$work/$command.help" |
    sed -nE -e 's/^.* (--[a-z0-9-]+) .*\(([0-9][0-9.,]*)\).*$/\1 \2/p' -e 's/^  *(--[a-z0-9-]+) .*; ([0-9]+[A-Z]?)$/\1 \2/p')
done
sort -u -o "$work/every" "$work/every"

check_line() {  # check_line WHERE LINE: the options behind "qfa COMMAND" are the command's
  local command option rest
  [[ $2 =~ (^|[ /])qfa\ ([a-z]+)(.*)$ ]] || return 0
  command=${BASH_REMATCH[2]} rest=${BASH_REMATCH[3]}
  [ -e "$work/$command.options" ] || { wrong "$1 has qfa $command, which is no command: $2"; return 0; }
  for option in $(sed -E 's/( [|&#]|;).*//' <<<"$rest" | grep -oE -- '(^| )--[a-z][a-z0-9-]*' | tr -d ' '); do
    grep -qx -- "$option" "$work/$command.options" || wrong "$1: qfa $command has no $option"
  done
}
lines=0
for document in "${documents[@]}"; do
  while IFS= read -r line; do
    lines=$((lines + 1))
    check_line "$document" "$line"
  done < <(awk '/^```(sh|console)/ { inside = 1; next } /^```$/ { inside = 0 }
    inside { sub(/^\$ /, ""); sub(/(^| +)# .*/, ""); text = text $0; if (sub(/\\$/, "", text)) next; print text; text = "" }' "$document" |
    grep -E '(^|[ /])qfa [a-z]+ ' | grep -vE '^(qfa: |[a-z]+: )')
  while IFS= read -r span; do
    lines=$((lines + 1))
    case $span in
      --[a-z]*)
        option=$(grep -oE -- '^--[a-z0-9-]+' <<<"$span")
        grep -qx -- "$option" "$work/every" || [[ " $foreign " == *" ${option#--} "* ]] ||
          wrong "$document: no command has $option" ;;
      *) check_line "$document" "$span" ;;
    esac
  done < <(awk '/^```/ { inside = !inside; next } !inside' "$document" | tr '\n' ' ' | grep -oE '`[^`]*`' |
    sed -e 's/^`//' -e 's/`$//' | grep -E '^--[a-z]|(^|/)qfa [a-z]' | grep -v 'qfa weight plan')
done
echo "$(wc -l <"$work/every") options of $(wc -w <<<"$commands") commands, $lines lines of the documents: $problems problems"
[ "$lines" -gt 0 ] && [ "$problems" -eq 0 ]
