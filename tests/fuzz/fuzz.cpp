// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry, for clang: QFA_FUZZ=npy qfa_fuzz CORPUS...  tests/fuzz/run.sh runs all targets.
// With QFA_FUZZ=seeds it writes a seed corpus for each target to the folder of its first argument, and ends.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#define DOCTEST_CONFIG_IMPLEMENT  // made_report.hpp, whose reports are seeds, stands on it
#include <doctest/doctest.h>

#include "fuzz/seeds.hpp"
#include "fuzz/targets.hpp"

namespace {

const qfa_fuzz::target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const char* const name = std::getenv("QFA_FUZZ");
  if (name != nullptr && std::string_view(name) == "seeds" && *argc > 1) {
    qfa_fuzz::write_seeds((*argv)[1]);
    std::exit(0);
  }
  const auto* const found = std::ranges::find_if(
      qfa_fuzz::targets, [&](const qfa_fuzz::target& t) { return name != nullptr && t.name == name; });
  if (found == std::end(qfa_fuzz::targets)) {
    std::fputs("QFA_FUZZ is none of", stderr);
    for (const qfa_fuzz::target& t : qfa_fuzz::targets)
      std::fprintf(stderr, " %s", std::string(t.name).c_str());
    std::fputs("\n", stderr);
    std::exit(2);
  }
  chosen = found;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qfa_fuzz::tolerate([&] { chosen->read({reinterpret_cast<const std::byte*>(data), size}); });
  return 0;
}
