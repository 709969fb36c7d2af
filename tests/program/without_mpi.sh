#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# without_mpi.sh PROGRAM: built without MPI, it refuses in one sentence what a launcher started several of, each of which
# would do all of the work and write the same files; and it is left alone where one was started, or none.
set -euo pipefail
program=$1
unset OMPI_COMM_WORLD_SIZE PMI_SIZE MV2_COMM_WORLD_SIZE PMI_RANK PMIX_RANK
sentence='was built without MPI and cannot share its work out: build it with -D QFA_WITH_MPI=ON, or start one$'
for setting in OMPI_COMM_WORLD_SIZE=8 PMI_SIZE=2 MV2_COMM_WORLD_SIZE=2 PMI_RANK=1 PMIX_RANK=3; do
  status=0
  said=$(env "$setting" "$program" list hooks 2>&1 >/dev/null) || status=$?
  [ $status -eq 2 ] && [[ $said == "qfa: this is one of several processes ($setting)"* ]] &&
    grep -q "$sentence" <<<"$said" && [ "$(wc -l <<<"$said")" -eq 1 ] ||
    { echo "$setting: status $status, not one sentence that names it: $said"; exit 1; }
done
for setting in OMPI_COMM_WORLD_SIZE=1 PMI_SIZE=1 MV2_COMM_WORLD_SIZE=1 PMI_RANK=0 PMIX_RANK=0 PMI_SIZE= UNRELATED=8; do
  env "$setting" "$program" list hooks >/dev/null || { echo "$setting, one process, is refused"; exit 1; }
done
echo "several are refused, one is not"
