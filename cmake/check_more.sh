#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The legs that .ci/run leaves out for time.  Run them before a release:
#   bash cmake/check_more.sh [sanitize] [debug] [variants] [libraries] [verify] [tidy] [format] [coverage] [documents] \
#     [fuzz] [browser] [tokenizers]     (all of them without arguments)
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
. cmake/bootstrap.sh
legs="sanitize debug variants libraries verify tidy format coverage documents fuzz browser tokenizers"
[ $# -gt 0 ] || set -- $legs

for leg in "$@"; do
  case $leg in
    sanitize)  # the program and the examples as well, with clang.  Catches: what only a whole run reads past the end of.
      qfa_need $qfa_packages clang-14 libclang-rt-14-dev libomp-14-dev
      qfa_configure sanitize -D QFA_BUILD_EXAMPLES=ON -D QFA_LEAVE_OUT_TESTS=
      qfa_build sanitize
      ctest --preset sanitize -j "$(nproc)"
      ;;
    debug)  # our asserts and the standard library's, unoptimized.  Catches: an index one past the end that ASan allows.
      qfa_need $qfa_packages
      qfa_configure debug
      qfa_build debug
      ctest --preset debug -j "$(nproc)"
      ;;
    variants)  # what users may compile with.  Catches: a warning of the newest clang, dynamic_cast or typeid, an index
      # that -O1 hides, numbers that -O3 changes.  Half of the folders, all headers at once, and the program of two files.
      qfa_need $qfa_packages
      newest=$(apt-cache search '^clang-[0-9]+$' | sed 's/^clang-\([0-9]*\) .*/\1/' | sort -n | tail -n 1)
      [ -n "$newest" ] || { qfa_say "apt-cache knows no clang: apt-get update, and run this again"; exit 2; }
      qfa_need "clang-$newest"  # without its OpenMP, which would take clang 14's away
      for variant in "no_rtti g++ -O1 -fno-rtti" "unoptimized g++ -O0 -D_GLIBCXX_ASSERTIONS" \
        "newest_clang clang++-$newest -O1" "optimized g++ -O3"; do
        read -r name compiler flags <<<"$variant"
        cmake --preset release -B "build/$name" -D CMAKE_CXX_COMPILER="$compiler" -D CMAKE_BUILD_TYPE=None \
          -D CMAKE_CXX_FLAGS="-march=native $flags" -D QFA_BUILD_EXAMPLES=OFF -D QFA_BUILD_BENCHMARKS=OFF \
          -D QFA_CHECK_EACH_HEADER=OFF \
          -D "QFA_LEAVE_OUT_TESTS=alignment;allocate;audit;bits;controls;law;locate;meaning;model;oracle"
        cmake --build "build/$name" -j 2
        # Without optimization Eigen's constants call constructors that do nothing, when a program starts.
        [ "$name" = unoptimized ] && closed='|^dispatch.closed' || closed=
        ctest --test-dir "build/$name" --output-on-failure --exclude-regex "^package$closed"
      done
      cmake --build build/newest_clang --target qfa_single_header
      echo '#include <qfa/qfa.hpp>' | "clang++-$newest" -std=c++20 -march=native -I build/newest_clang/single_include \
        -isystem /usr/include/eigen3 -fsyntax-only -x c++ -
      ;;
    libraries)  # xsimd and xtensor of newer Debians, whose headers are unpacked and not installed.  Catches: what the
      # stand-ins of tests/shims have and the libraries have not.
      qfa_need $qfa_packages
      for suite in trixie sid; do
        into=$PWD/build/libraries/$suite
        mkdir -p "$into/lists/partial" "$into/cache/archives/partial"
        site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)  # this machine's own
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" >"$into/sources.list"
        apt="apt-get -q -o Dir::Etc::sourcelist=$into/sources.list -o Dir::Etc::sourceparts=- -o Dir::Cache=$into/cache
          -o Dir::State::lists=$into/lists"
        $apt update
        (cd "$into" && rm -rf ./*.deb usr && $apt download libxsimd-dev libxtensor-dev xtl-dev &&
          for package in *.deb; do dpkg -x "$package" .; done)
        for test in tests/simd_*_test.cpp tests/core_xtensor_test.cpp; do echo "#include \"$PWD/$test\""; done >"$into/all.cpp"
        g++ -std=c++20 -O1 -march=native -fopenmp -ffp-contract=off -DQFA_TEST_DATA="\"$PWD/tests/data\"" -I include -I tests \
          -isystem "$into/usr/include" "$into/all.cpp" tests/main.cpp -o "$into/test"
        "$into/test"
        (cd "$into" && echo "$suite: $(ls ./*.deb)")
      done
      ;;
    verify)  # what would be installed.  Catches: a header that is no part of the package, or needs one that is not.
      qfa_need $qfa_packages
      qfa_configure release -D QFA_CHECK_EACH_HEADER=ON
      qfa_build release --target all_verify_interface_header_sets
      qfa_build release  # each header alone with all warnings, and the benchmarks
      bash tests/program/schemas.sh "$PWD/build/release/examples/qfa/qfa" "$PWD" "$PWD/build/schemas" python3 all
      ;;
    tidy)  # the short allow-list of .clang-tidy over the umbrella.  Catches: a use after a move, a copy in a loop.
      qfa_need $qfa_packages clang-tidy-14 libomp-14-dev
      qfa_configure release -D QFA_CHECK_EACH_HEADER=ON
      clang-tidy-14 --quiet -p build/release build/release/tests/headers/qfa_qfa_hpp.cpp
      ;;
    format)  # only what differs from the main branch.  Catches: a change that reformats its surroundings.
      qfa_need clang-format-14
      base=$(git merge-base HEAD "${QFA_BASE:-HEAD~1}")
      git diff --name-only --diff-filter=d "$base" -- '*.hpp' '*.cpp' | xargs -r clang-format-14 --dry-run --Werror
      ;;
    coverage)  # the tables of examples/docs/intervals.md.  Catches: intervals that cover less often than they promise.
      qfa_need $qfa_packages
      qfa_configure release
      qfa_build release --target qfa_coverage
      build/release/tests/qfa_coverage designs
      build/release/tests/qfa_coverage aggregates
      build/release/tests/qfa_coverage selection
      [ ! -d ../shared/data/stories260K ] || build/release/tests/qfa_coverage population ../shared/data/stories260K
      ;;
    browser)  # the pages of reports in Chromium, 100,000 features among them.  Catches: what only a browser sees.
      qfa_need $qfa_packages chromium chromium-driver python3-selenium
      qfa_configure release
      qfa_build release --target qfa_program
      bash tests/browser/run.sh build/release/examples/qfa/qfa build/browser
      ;;
    documents)  # the site, in build/docs/html, and the cookbook's Python with Debian's torch.  Catches: comments and
      # pages that Doxygen cannot follow; a link that leads nowhere; a recipe that writes what qfa reads otherwise.
      qfa_need $qfa_packages doxygen python3-torch
      qfa_configure release
      qfa_build release --target qfa_program
      bash tests/docs/python.sh build/release/examples/qfa/qfa "$PWD" build/docs/python
      mkdir -p build/docs
      bash cmake/docs/layer_pages.sh >build/docs/layers.md
      doxygen cmake/docs/Doxyfile 2>&1 | tee build/docs/warnings
      [ ! -s build/docs/warnings ]
      bash cmake/docs/add_files.sh build/docs/html
      python3 cmake/docs/check_links.py build/docs/html
      ;;
    fuzz)  # ten minutes for each reader, FUZZ_SECONDS otherwise.  Catches: what a file must not make a reader do.
      qfa_need $qfa_packages clang-14 libclang-rt-14-dev libomp-14-dev
      qfa_configure sanitize
      qfa_build sanitize --target qfa_fuzz
      bash tests/fuzz/run.sh build/sanitize/tests/qfa_fuzz build/fuzz "${FUZZ_SECONDS:-600}"
      ;;
    tokenizers)  # published vocabularies, which npm has, against its implementations.  Catches: tokens that no model was trained on.
      qfa_need $qfa_packages
      command -v npm >/dev/null || qfa_need nodejs npm
      mkdir -p build/tokenizers
      cp tests/tokenizers/packages.json build/tokenizers/package.json
      npm install --prefix build/tokenizers --ignore-scripts --no-audit --no-fund
      node tests/tokenizers/record.mjs full build/tokenizers/node_modules build/tokenizers/full tests/tokenizers/full.json
      qfa_configure release
      qfa_build release --target qfa_tokenizers
      build/release/tests/qfa_tokenizers build/tokenizers/full
      ;;
    *)
      qfa_say "$leg is none of: $legs"
      exit 2
      ;;
  esac
done
