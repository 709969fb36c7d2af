#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes all of qfa as one header to standard output: include/qfa/qfa.hpp with every "qfa/..." in its place, in the order
# in which a compiler would read them.
#   bash cmake/single_header.sh > qfa.hpp
# Each header keeps its guard, so that the file may stand beside the headers that it is made of.  One that is included
# under a condition (an optional part) is put there, and is not taken for included elsewhere.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../include"
awk '
function put(path, conditional,    line, depth, name, found) {
  if (path in above || conditional && (conditional, path) in here) return
  if (conditional) here[conditional, path] = 1; else above[path] = 1
  printf "\n// ---- %s\n", path
  depth = 0
  while ((found = (getline line < path)) > 0) {
    if (line ~ /^ *# *if/) { depth++; if (depth == 2 && !conditional) regions++ }
    if (line ~ /^ *# *el(se|if)/ && depth == 2 && !conditional) regions++
    if (line ~ /^ *# *endif/) depth--
    if (line ~ /^ *# *include *"qfa\//) {
      name = line
      sub(/^[^"]*"/, "", name); sub(/".*$/, "", name)
      put(name, conditional ? conditional : depth > 1 ? regions : 0)
    } else if (line !~ /^\/\/ SPDX-License-Identifier/) {
      print line
    }
  }
  if (found < 0) { print "no " path > "/dev/stderr"; exit 1 }
  close(path)
}
BEGIN {
  print "// SPDX-License-Identifier: Apache-2.0"
  print "// All of qfa in one file, made by cmake/single_header.sh."
  put("qfa/qfa.hpp", 0)
  for (i = 1; i < ARGC; i++) {
    split(ARGV[i], part, ":")
    print "\n#ifdef " part[1]
    put(part[2], ++regions)
    print "#endif"
  }
}' $(printf 'QFA_HAS_TEXT:%s ' $(ls qfa/text/*.hpp | grep -v sentencepiece)) QFA_HAS_SENTENCEPIECE:qfa/text/sentencepiece.hpp \
   $(printf 'QFA_HAS_MPI:%s ' qfa/mpi/*.hpp)
