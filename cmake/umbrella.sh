#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the umbrella header, layer by layer, to standard output:
#   bash cmake/umbrella.sh > include/qfa/qfa.hpp
# Left out are the headers that need more than qfa::qfa brings (io/npz.hpp, cache/kmeans.hpp, text/, mpi/).
set -euo pipefail
export LC_ALL=C
root=$(cd "${1:-$(dirname "$0")/..}" && pwd)
layers=$(sed 's/#.*//' "$(dirname "$0")/layers.txt")

cat <<'HEAD'
// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_QFA_HPP
#define QFA_QFA_HPP

// All of qfa but its optional parts: qfa/io/npz.hpp needs libzip, qfa/cache/kmeans.hpp VLFeat, qfa/text/ ICU, and
// qfa/mpi/ MPI.  Declares nothing itself.  Made by cmake/umbrella.sh; a test compares.

HEAD
cd "$root/include"
for layer in $layers; do
  [ -d "qfa/$layer" ] && [ "$layer" != mpi ] && [ "$layer" != text ] || continue
  for header in "qfa/$layer"/*.hpp; do
    case $header in qfa/io/npz.hpp | qfa/cache/kmeans.hpp) continue ;; esac
    [ -e "$header" ] && printf '#include "%s"\n' "$header"
  done
done
cat <<'TAIL'
#include "qfa/version.hpp"

#endif
TAIL
