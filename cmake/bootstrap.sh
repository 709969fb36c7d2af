# SPDX-License-Identifier: Apache-2.0
# Sourced by examples/demo.sh, tests/run.sh and .ci/run: from a machine that has only compilers and CMake to a build.
# Whatever is there already is left alone, so that running again costs seconds.

# Debian's names of what the build of everything needs; make is what CMake takes in a project of a user's own, where no
# preset asks for Ninja.
qfa_packages="g++ cmake ninja-build make libxtensor-dev xtl-dev libxsimd-dev nlohmann-json3-dev libeigen3-dev libboost-dev
  libzip-dev libvlfeat-dev libicu-dev libsentencepiece-dev libcli11-dev doctest-dev libbenchmark-dev pkgconf
  python3-jsonschema"
# And of what several machines need, which is asked for by -D QFA_WITH_MPI=ON.
qfa_mpi_packages="libopenmpi-dev openmpi-bin"

qfa_say() { printf '%s\n' "$*" >&2; }

# qfa_need PACKAGE...: installs those that are missing, with apt-get where it may; otherwise names them and exits with 2.
qfa_need() {
  if ! command -v dpkg-query >/dev/null; then
    qfa_say "This is no Debian: CMake will say which libraries are missing (Debian calls them: $(echo $*))."
    return 0
  fi
  local missing="" package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0

  local become=""
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      become="sudo -n"
    else
      qfa_say "Missing packages:$missing; install them (apt-get install$missing) and run this again."
      exit 2
    fi
  fi
  qfa_say "Installing$missing"
  if ! { $become apt-get update -q &&
    $become env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } \
    >build/apt.log 2>&1; then
    tail -n 5 build/apt.log >&2
    qfa_say "apt-get could not install$missing; install them and run this again."
    exit 2
  fi
}

# qfa_configure PRESET [CMAKE ARGUMENT...]
qfa_configure() {
  local preset=$1
  shift
  # The presets ask for Ninja; without it, Make does.
  command -v ninja >/dev/null || set -- -G "Unix Makefiles" "$@"
  if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER:-ccache}; fi
  # What an earlier call asked for does not stay.
  set -- -D QFA_QUICK_BUILD=OFF "$@"
  [ "$preset" = sanitize ] || set -- -D QFA_BUILD_BENCHMARKS=ON "$@"
  cmake --preset "$preset" "$@" >build/configure.log 2>&1 || { cat build/configure.log >&2; return 1; }
}

# qfa_build PRESET [CMAKE BUILD ARGUMENT...]: as many jobs as cores, or as memory has 5 GB for if those are fewer (the
# largest of the tests takes g++ 4.2 GB, and 5.9 GB in a quick build; not all are as large).
qfa_build() {
  local jobs memory
  jobs=$(nproc 2>/dev/null || echo 2)
  memory=$(awk '/^MemAvailable/ { print int($2 / 5000000) }' /proc/meminfo 2>/dev/null || echo "$jobs")
  [ "${memory:-$jobs}" -ge "$jobs" ] || jobs=$memory
  [ "$jobs" -ge 1 ] || jobs=1
  cmake --build --preset "$1" -j "$jobs" "${@:2}"
}
