// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_DISPATCH_HPP
#define QFA_SIMD_DISPATCH_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "qfa/core/error.hpp"

namespace qfa::simd {

/// What kernels were compiled for, as reports name it.
struct instruction_set {
  std::string_view name;  ///< of a string that lives as long as the program
  bool fma = false;       ///< whether its results are those of every other set with FMA, to the bit

  bool operator==(const instruction_set&) const = default;
};

/// What `qfa_enable_dispatch` (cmake/QfaDispatch.cmake) compiles the kernels for; each holds those before it.
#if defined(__x86_64__)
enum class level : std::uint8_t { sse2, avx2, avx512, avx512vnni };
inline constexpr std::array<std::string_view, 4> level_names{"sse2", "avx2", "avx512", "avx512vnni"};
#elif defined(__aarch64__)
enum class level : std::uint8_t { neon };
inline constexpr std::array<std::string_view, 1> level_names{"neon"};
#else
enum class level : std::uint8_t { baseline };
inline constexpr std::array<std::string_view, 1> level_names{"baseline"};
#endif

inline constexpr std::size_t levels = level_names.size();

/// Whether this processor and its operating system run what was compiled for `l`: every extension that the level's
/// flags in cmake/QfaDispatch.cmake name.
inline bool runs([[maybe_unused]] level l) noexcept {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  const bool vnni = __builtin_cpu_supports("avx512vnni");
  switch (l) {
    case level::sse2:
      return true;
    case level::avx2:
      return avx2;
    case level::avx512:
      return avx2 && avx512;
    case level::avx512vnni:
      return avx2 && avx512 && vnni;
  }
#endif
  return true;
}

/// The last level that this machine runs.
inline level widest_level() noexcept {
  std::size_t widest = 0;
  while (widest + 1 < levels && runs(static_cast<level>(widest + 1)))
    ++widest;
  return static_cast<level>(widest);
}

/// The level of that name, as the environment variable QFA_ARCH gives it; the widest where it is null or empty.  Throws
/// a sentence that lists what this machine runs, where it is none of those.
inline level level_called(const char* name) {
  if (name == nullptr || *name == '\0') return widest_level();
  std::string known;
  for (std::size_t i = 0; i < levels; ++i) {
    if (!runs(static_cast<level>(i))) continue;
    if (level_names[i] == name) return static_cast<level>(i);
    known += (known.empty() ? "" : ", ") + std::string(level_names[i]);
  }
  fail("QFA_ARCH is \"" + std::string(name) + "\", expected an instruction set that this machine has: " + known);
}

/// What this process runs on: QFA_ARCH, or the widest.  Decided at the first call.  Throws as `level_called` does.
inline level chosen_level() {
  static const level chosen = level_called(std::getenv("QFA_ARCH"));
  return chosen;
}

}  // namespace qfa::simd

#endif
