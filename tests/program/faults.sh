#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# faults.sh PROGRAM SOURCE WORK: what a machine may do to a run: no space, no permission, files that go away, too little
# memory, Ctrl-C.  Each ends in one sentence and a status of its own, and leaves no half-written file.  What this machine
# does not let a test do (mount a small disk, say) is left out, and named at the end and in WORK/left_out.
set -uo pipefail
qfa=$(realpath "$1") source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
demo=$source/examples/demo
export OMP_WAIT_POLICY=passive
failures=0 skipped=""
audit=("$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" --policy rtn:bits=4)

# fails NAME STATUS WORDS COMMAND...: COMMAND ends with STATUS and one line on standard error that says WORDS.
fails() {
  local name=$1 expected=$2 words=$3
  shift 3
  "$@" >"$name.stdout" 2>"$name.stderr"
  local status=$? problem=""
  [ $status -eq "$expected" ] || problem="exit status $status, not $expected"
  [ "$(wc -l <"$name.stderr")" -eq 1 ] || problem="$problem; not one line"
  grep -Eq "$words" "$name.stderr" || problem="$problem; it does not say '$words'"
  if [ -n "$problem" ]; then
    printf 'FAILED %s: %s\n' "$name" "$problem"
    head -n 5 "$name.stderr"
    failures=$((failures + 1))
  else
    printf '%s: %s\n' "$name" "$(cut -c -200 "$name.stderr")"
  fi
}
# nothing_but PATH FILE...: the folder holds these files and no other.
nothing_but() {
  local found
  found=$(cd "$1" && find . -type f | sed 's|^\./||' | sort | tr '\n' ' ')
  shift
  [ "$found" = "${*:+$* }" ] || { printf 'FAILED: left behind: %s\n' "$found"; failures=$((failures + 1)); }
}

# A disk that is full: a file system of 64 kB, smaller than features.csv, or with no byte left.
if mkdir small full && mount -t tmpfs -o size=64k none small 2>/dev/null && mount -t tmpfs -o size=64k none full; then
  fails disk_full 2 'cannot write .small/out' "${audit[@]}" --max-tokens 4000 --out small/out
  nothing_but small
  fails disk_full_checkpoint 2 'cannot write .*small/out' "${audit[@]}" --max-tokens 30000 --checkpoint-seconds 0 --out small/out
  rm -rf small/out  # the checkpoint that fitted
  fails disk_full_matrix 2 'cannot|No space left' "$qfa" activations --model "$demo/model" --tokens "$demo/tokens.npy" \
    --hook blocks.0.hook_resid_post --max-tokens 4000 --out small/x.npy
  nothing_but small
  "${audit[@]}" --max-tokens 2000 --out first >/dev/null && "${audit[@]/bits=4/bits=3}" --max-tokens 2000 --out second >/dev/null
  "$qfa" activations --model "$demo/model" --tokens "$demo/tokens.npy" --hook blocks.0.hook_resid_post --max-tokens 512 \
    --out matrix.npy >/dev/null
  dd if=/dev/zero of=full/filler bs=1k 2>/dev/null
  while read -r name arguments; do
    # shellcheck disable=SC2086
    fails "disk_full_$name" 2 'full.*(No space left|cannot be made)|cannot (write|make).*full' "$qfa" $arguments
    nothing_but full filler
  done <<END
audit audit --model $demo/model --sae $demo/sae --tokens $demo/tokens.npy --policy rtn:bits=4 --max-tokens 2000 --out full/out
align align --model $demo/refuser/model --prompts $demo/refuser/prompts.json --bits 3 --max-new-tokens 1 --out full/out
locate locate --model $demo/model --sae $demo/sae --tokens $demo/tokens.npy --policy rtn:bits=3 --max-tokens 8000 --targets *layers.0*4h_to_h* --out full/out
allocate allocate --model $demo/model --sae $demo/sae --tokens $demo/tokens.npy --options rtn:bits=3 rtn:bits=4 --max-tokens 16000 --targets *layers.0*4h_to_h* --out full/mix.json
compare compare first second --out full/compared.html
compress compress --policy rtn:bits=4 --in matrix.npy --out full/matrix.npy
END
  umount small full
else
  skipped="$skipped disk_full disk_full_matrix"
fi

# Folders that may not be written, files that may not be read: root may do both.
if [ "$(id -u)" -ne 0 ]; then
  mkdir -m 500 closed
  fails read_only_output 2 'closed/out. cannot be made: ' "${audit[@]}" --max-tokens 2000 --out closed/out
  cp -r "$demo/sae" hidden && chmod 000 hidden/cfg.json
  fails unreadable 2 'hidden.*cfg\.json' "$qfa" audit --model "$demo/model" --sae hidden --tokens "$demo/tokens.npy" \
    --policy rtn:bits=4 --out out
elif command -v setpriv >/dev/null && mkdir -m 500 closed && chmod 755 . &&
  setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$qfa" -a -r "$demo/tokens.npy"; then
  as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  fails read_only_output 2 'closed/out. cannot be made: ' "${as_nobody[@]}" "${audit[@]}" --max-tokens 2000 --out closed/out
  cp -r "$demo/sae" hidden && chmod 000 hidden/cfg.json && mkdir -m 777 open
  fails unreadable 2 'hidden.*cfg\.json' "${as_nobody[@]}" "$qfa" audit --model "$demo/model" --sae hidden \
    --tokens "$demo/tokens.npy" --policy rtn:bits=4 --out open/out
  nothing_but closed
  nothing_but open
else
  skipped="$skipped read_only_output unreadable"
fi
fails output_is_a_file 2 'a_file' bash -c 'touch a_file; exec "$@"' - "${audit[@]}" --max-tokens 2000 --out a_file
fails output_below_a_device 2 '/dev/null' "${audit[@]}" --max-tokens 2000 --out /dev/null/out
fails a_folder_for_tokens 2 'demo' "$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo" --policy none --out out

# Outputs that are no plain files stay what they are.  (A link to the device: a program that fails this replaces it.)
mkfifo pipe && ln -s /dev/null device
fails output_is_a_pipe 2 'pipe.: it is no plain file' "$qfa" compare one other --out pipe
fails output_is_a_device 2 'device.: it is no plain file' "$qfa" activations --model "$demo/model" \
  --tokens "$demo/tokens.npy" --hook blocks.0.hook_resid_post --max-tokens 2000 --out device
[ -p pipe ] && [ -L device ] || { echo 'FAILED: a pipe or a device was replaced'; failures=$((failures + 1)); }

# Files that may not become long (`ulimit -f`, kB): a write that fails, no signal.
mkdir limited
fails file_limit 2 'cannot write (.limited/out|a temporary file)' bash -c 'ulimit -f 16; exec "$@"' - "${audit[@]}" --max-tokens 4000 \
  --out limited/out
fails file_limit_matrix 2 'cannot write .limited/x.npy' bash -c 'ulimit -f 16; exec "$@"' - "$qfa" activations \
  --model "$demo/model" --tokens "$demo/tokens.npy" --hook blocks.0.hook_resid_post --max-tokens 4000 --out limited/x.npy
nothing_but limited

# Nobody keeps what is printed: a status that says so, and whole files.
if [ -c /dev/full ]; then
  for words in '--help' '--version' 'list policies'; do
    fails stdout_full 2 'standard output cannot be written' bash -c 'exec $0 $1 >/dev/full' "$qfa" "$words"
  done
  fails stdout_full_audit 2 'standard output cannot be written' bash -c 'exec "$@" >/dev/full' - "${audit[@]}" \
    --max-tokens 2000 --out told_nobody
  tail -c 2 told_nobody/report.json | grep -q '}' || { echo 'FAILED: half a report'; failures=$((failures + 1)); }
else
  skipped="$skipped stdout_full stdout_full_audit"
fi

# A file that shrinks while it is read: the rest of it is gone, and a mapped page of it would be a bus error.
"$qfa" activations --model "$demo/model" --tokens "$demo/tokens.npy" --hook blocks.0.hook_resid_post --context 128 \
  --max-tokens 60000 --out whole.npy >/dev/null 2>&1
status=0
for wait in 0.4 0.2 0.1 0.05 0.02; do  # the audit may be faster than the knife
  rm -rf gone && cp whole.npy half.npy
  (sleep $wait && truncate -s 1000000 half.npy) &
  "$qfa" audit --sae "$demo/sae" --activations whole.npy --compressed half=half.npy --context 128 --allow-bad-sae \
    --out gone >gone.stdout 2>gone.stderr
  status=$?
  wait
  [ $status -eq 0 ] || break
done
[ $status -eq 2 ] && [ "$(wc -l <gone.stderr)" -eq 1 ] && grep -Eq 'half\.npy|cut short' gone.stderr ||
  { printf 'FAILED vanishing file: status %s, %s\n' $status "$(head -n 3 gone.stderr)"; failures=$((failures + 1)); }
[ ! -e gone/report.json ] || { echo 'FAILED: a report of a file that went away'; failures=$((failures + 1)); }
# Once the first pass has begun, of the model, the SAE and the tokens nothing is read again: emptied and removed, they are
# not missed.
"${audit[@]}" --max-tokens 30000 --out undisturbed >/dev/null
cp -r "$demo" inputs
"$qfa" audit --model inputs/model --sae inputs/sae --tokens inputs/tokens.npy --policy rtn:bits=4 --max-tokens 30000 \
  --checkpoint-seconds 0 --out outlived >outlived.stdout 2>outlived.stderr &
pid=$!
until [ -e outlived/resume/qfa-audit-state ] || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
[ ! -e outlived/report.json ] || { echo 'FAILED: nothing was taken away in time'; failures=$((failures + 1)); }
find inputs -type f -exec truncate -s 0 {} + && rm -r inputs
wait $pid
status=$?
[ $status -eq 0 ] && cmp <(grep -v '^#' undisturbed/features.csv) <(grep -v '^#' outlived/features.csv) ||
  { printf 'FAILED removed inputs: status %s, %s\n' $status "$(head -n 3 outlived.stderr)"; failures=$((failures + 1)); }

# Too little memory, by the address space that a process may have.
fails little_memory 2 'memory|map' bash -c 'ulimit -v 150000; exec "$@"' - env OMP_NUM_THREADS=1 "${audit[@]}" --out out

# And of several limits, some of which are met while threads are at work: no exception ends the program unsaid.  Where
# not even a thread can be made, OpenMP's own sentence and status 1 do.
for limit in 60000 72000 84000 96000 102000 110000; do
  for threads in 1 2; do
    (ulimit -v $limit; OMP_NUM_THREADS=$threads exec "${audit[@]}" --max-tokens 2000 --out out) \
      >limit.stdout 2>limit.stderr
    status=$?
    case $status in
      0) [ -s out/report.json ] ;;
      2) [ "$(wc -l <limit.stderr)" -eq 1 ] && grep -q '^qfa: .*memory' limit.stderr && [ ! -e out ] ;;
      1) [ $threads -eq 2 ] && grep -q 'libgomp: Thread creation failed' limit.stderr && [ ! -e out ] ;;
      *) false ;;
    esac || {
      printf 'FAILED limit of %s kB, %s threads: status %s, ' $limit $threads $status
      head -n 3 limit.stderr
      failures=$((failures + 1))
    }
    rm -rf out
  done
done

# A hundred thousand characters in a name.
long=$(head -c 100000 /dev/zero | tr '\0' a)
fails long_policy 2 'there is no policy' "$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" \
  --policy "$long" --out out
# And so many policies in one: 26,000 are as long as Linux lets an argument be, a plan file holds all of them.
nones() { yes none | head -n "$1" | paste -s -d + -; }
fails long_chain 2 'chains more than 64 policies$' "$qfa" audit --model "$demo/model" --sae "$demo/sae" \
  --tokens "$demo/tokens.npy" --policy "$(nones 26000)" --out out
fails long_cache_chain 2 'chains more than 64 policies$' "$qfa" audit --model "$demo/model" --sae "$demo/sae" \
  --tokens "$demo/tokens.npy" --cache "$(nones 26000)" --out out
printf '{"format": "qfa weight plan", "version": 1, "tensors": [], "rest": "%s"}' "$(nones 100000)" >long.json
fails long_chain_of_a_file 2 'long.json.* chains more than 64 policies$' "$qfa" audit --model "$demo/model" \
  --sae "$demo/sae" --tokens "$demo/tokens.npy" --policy plan_file:long.json --out out
fails long_name 2 'cannot be made: File name too long' "${audit[@]}" --max-tokens 2000 --out "$long"

# Ctrl-C: status 130; what was saved is kept, and going on from it gives the report of an undisturbed run.
interrupt() {  # interrupt COMMAND...: SIGINT once there is a checkpoint
  set -m  # background jobs of a script ignore SIGINT otherwise
  "$@" >interrupted.stdout 2>interrupted.stderr &
  local pid=$!
  set +m
  until [ -e interrupted/resume/qfa-audit-state ] || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
  kill -INT $pid 2>/dev/null
  wait $pid
}
for _ in 1 2 3 4 5; do  # it may be faster than the signal
  rm -rf interrupted
  interrupt "${audit[@]}" --max-tokens 30000 --checkpoint-seconds 0 --out interrupted
  status=$?
  [ $status -eq 0 ] || break
done
if [ $status -eq 0 ]; then
  echo 'FAILED: no interrupt was heard in five runs'
  failures=$((failures + 1))
else
  [ $status -eq 130 ] && grep -q 'interrupted, no report is written; the same command with --resume' interrupted.stderr ||
    { printf 'FAILED interrupt: status %s, %s\n' $status "$(head -n 3 interrupted.stderr)"; failures=$((failures + 1)); }
  [ ! -e interrupted/report.json ] || { echo 'FAILED: an interrupted audit wrote a report'; failures=$((failures + 1)); }
  "${audit[@]}" --max-tokens 30000 --out interrupted --resume >/dev/null 2>&1
  cmp undisturbed/features.csv interrupted/features.csv || failures=$((failures + 1))
fi
# Where nothing is kept, an interrupt says that nothing is written, and nothing is.
while read -r name arguments; do
  for wait in 0.3 0.1 0.03 0.01 0.003; do  # it may be faster than the signal
    rm -rf stopped && mkdir stopped
    set -m
    # shellcheck disable=SC2086
    "$qfa" $arguments >stopped.stdout 2>stopped.stderr &
    pid=$!
    set +m
    sleep $wait
    kill -INT $pid 2>/dev/null
    wait $pid
    status=$?
    [ $status -eq 0 ] || break
  done
  [ $status -eq 130 ] && grep -Eq 'interrupted, (nothing|no .*) is written' stopped.stderr ||
    { printf 'FAILED interrupt of %s: status %s, %s\n' "$name" $status "$(head -n 3 stopped.stderr)"; failures=$((failures + 1)); }
  nothing_but stopped
done <<END
audit audit --model $demo/model --sae $demo/sae --tokens $demo/tokens.npy --policy rtn:bits=4 --out stopped/out
activations activations --model $demo/model --tokens $demo/tokens.npy --hook blocks.0.hook_resid_post --out stopped/x.npy
align align --model $demo/refuser/model --prompts $demo/refuser/prompts.json --out stopped/out
locate locate --model $demo/model --sae $demo/sae --tokens $demo/tokens.npy --policy rtn:bits=3 --out stopped/out
allocate allocate --model $demo/model --sae $demo/sae --tokens $demo/tokens.npy --out stopped/mix.json
END
[ ! -e out ] || { echo 'FAILED: output was left behind'; failures=$((failures + 1)); }

[ -z "$skipped" ] || echo "not possible on this machine, and left out:$skipped" >left_out  # tests/run.sh shows it
printf '%s of these did not end as they should%s\n' "$failures" "${skipped:+; $(cat left_out)}"
[ "$failures" -eq 0 ]
