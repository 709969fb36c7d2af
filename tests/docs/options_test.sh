#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that every rule of tests/docs/options.sh can fail: documents that agree with a stand-in program's --help, then
# one violation at a time, each of which must be named, and nothing else with it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
page=$work/source/examples/docs/page.md
mkdir -p "$work/source/examples/docs"
cat >"$work/qfa" <<'END'
#!/bin/sh
case $1 in
  --help) printf 'Options:\n  -h,--help    help\n  --version    which\n\nSubcommands:\n  audit      all\n  demo       a\n' ;;
  audit) printf 'Options:\n  -h,--help    help\n  --model TEXT REQUIRED    what\n  --units TEXT:{a,b}\n'
    printf '                what (own)\n  --tokens UINT   no more (16384); 0: all\n  --memory TEXT  bytes; 1G\n' ;;
  demo) printf 'Options:\n  -h,--help    help\n  --out TEXT   where\n' ;;
esac
END
chmod +x "$work/qfa"

fresh() {
  cat >"$work/source/README.md" <<'END'
Say `qfa audit --model M`, or `--units b`, or `--bind-to none`, or `qfa --version`.

```sh
bash x.sh   # builds qfa and more --that
build/qfa audit --model M \
    --tokens 5 | grep --count x
```
END
  cat >"$page" <<'END'
## Options of `qfa audit`
| option | default | what |
|---|---|---|
| `--model PATH`, `--units a` | required | what |
| `--tokens N` | 16384 | no more |
| `--memory BYTES` | 1G | bytes |
| `--help` | | help |

### Options of `qfa demo`
| `--out DIR` | | where |
| `--help` | | help |
## More
| `--units` | also here |

```console
$ qfa demo --out x && cut --fields 1 x
qfa: audit --nothing
```
END
}
expect() {  # expect TEXT: exactly one problem, and it says TEXT
  local output
  if output=$(bash "$here/options.sh" "$work/qfa" "$work/source" 2>&1); then
    echo "passed, but should say: $1"
    failures=$((failures + 1))
  elif ! grep -qF -- "$1" <<<"$output" || ! grep -q ': 1 problems$' <<<"$output"; then
    printf 'should say only: %s\nbut said:\n%s\n' "$1" "$output"
    failures=$((failures + 1))
  fi
  fresh
}

fresh
bash "$here/options.sh" "$work/qfa" "$work/source" >"$work/out" || { cat "$work/out"; echo "pages that agree were refused"; exit 1; }
sed -i '/--tokens N/d' "$page"
expect 'what --tokens of qfa audit is'
sed -i 's/, `--units a`//' "$page"
expect 'what --units of qfa audit is'
sed -i 's/^| `--out DIR`.*/&\n| `--units` | | what |/' "$page"
expect 'the table of qfa demo has --units, which --help has not'
sed -i 's/^| `--out DIR`.*/&\n&/' "$page"
expect 'the table of qfa demo has --out twice'
sed -i 's/16384/6384/' "$page"
expect 'does not say 16384 of --tokens'
sed -i 's/1G/2G/' "$page"
expect 'does not say 1G of --memory'
cat >>"$page" <<<'## Options of `qfa demo`'
expect 'not one section "Options of `qfa demo`"'
sed -i 's/--out x/--units x/' "$page"
expect 'page.md: qfa demo has no --units'
sed -i 's/--tokens 5/--out 5/' "$work/source/README.md"
expect 'README.md: qfa audit has no --out'
sed -i 's/qfa audit --model M`/qfa audit --out M`/' "$work/source/README.md"
expect 'README.md: qfa audit has no --out'
sed -i 's/`--units b`/`--unit b`/' "$work/source/README.md"
expect 'README.md: no command has --unit'
sed -i 's/qfa demo --out x/qfa dome --out x/' "$page"
expect 'which is no command'

[ $failures -eq 0 ] || { echo "$failures rules do not hold"; exit 1; }
echo "every rule can fail"
