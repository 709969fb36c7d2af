// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry, for clang: QFA_FUZZ=npy qfa_fuzz CORPUS...  tests/fuzz/run.sh runs all targets.
// With QFA_FUZZ=seeds it writes a seed corpus for each target to the folder of its first argument, and ends.  With
// QFA_FUZZ=check it reads that corpus, and fails where a reader refuses all of its seeds, as fuzzing would then hardly
// come further than the refusal.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#define DOCTEST_CONFIG_IMPLEMENT  // made_report.hpp, whose reports are seeds, stands on it
#include <doctest/doctest.h>

#include "fuzz/seeds.hpp"
#include "fuzz/targets.hpp"

namespace {

const qfa_fuzz::target* chosen = nullptr;

/// How many targets have no seed that their reader accepts, and how many folders of seeds no target.
int targets_without_seeds(const std::filesystem::path& root) {
  int wrong = 0;
  for (const qfa_fuzz::target& t : qfa_fuzz::targets) {
    std::string why = "there is none";
    std::size_t accepted = 0;
    if (std::filesystem::is_directory(root / t.name))
      for (const auto& seed : qfa_fuzz::sorted_entries(root / t.name)) {
        std::ifstream in(seed, std::ios::binary);
        const std::string content{std::istreambuf_iterator<char>(in), {}};
        try {
          t.read(std::as_bytes(std::span(content)));
          ++accepted;
        } catch (const qfa::error& problem) {
          why = problem.what();
        }
      }
    if (accepted > 0) continue;
    std::fprintf(stderr, "%s accepts no seed: %s\n", std::string(t.name).c_str(), why.c_str());
    ++wrong;
  }
  for (const auto& folder : qfa_fuzz::sorted_entries(root))
    if (std::ranges::none_of(qfa_fuzz::targets, [&](const auto& t) { return t.name == folder.filename().string(); })) {
      std::fprintf(stderr, "%s is of no target\n", folder.c_str());
      ++wrong;
    }
  return wrong;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const char* const name = std::getenv("QFA_FUZZ");
  if (name != nullptr && std::string_view(name) == "seeds" && *argc > 1) {
    qfa_fuzz::write_seeds((*argv)[1]);
    std::exit(0);
  }
  if (name != nullptr && std::string_view(name) == "check" && *argc > 1) {
    std::exit(targets_without_seeds((*argv)[1]) == 0 ? 0 : 1);
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
