// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/activation_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "qfa/io/npy_writer.hpp"
#include "qfa/io/safetensors_writer.hpp"
#include "scratch.hpp"

namespace audit_activation_files_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

/// Rows of two floats, counted from `first` on.
std::filesystem::path counted(const scratch& folder, const std::string& name, std::size_t tokens, float first) {
  std::vector<float> x(2 * tokens);
  for (float& v : x)
    v = first++;
  if (name.ends_with(".npy")) {
    write_npy(folder.path() / name, {tokens, 2}, x);
  } else {
    write_safetensors(folder.path() / name,
                      std::vector<tensor_to_write>{{"h", dtype::f32, {tokens, 2}, std::as_bytes(std::span(x))}});
  }
  return folder.path() / name;
}

}  // namespace

TEST_CASE("activation_files: every run of tokens is the files' one after the other, a file twice where it is twice") {
  const scratch folder;
  const auto a = counted(folder, "a.npy", 3, 0);
  const auto none = counted(folder, "none.npy", 0, 0);
  const auto b = counted(folder, "b.safetensors", 1, 6);
  activation_files files({none, a, none, b, b, a, none});
  const std::vector<float> all{0, 1, 2, 3, 4, 5, 6, 7, 6, 7, 0, 1, 2, 3, 4, 5};
  REQUIRE(files.tokens() == 8);
  CHECK(files.width() == 2);
  for (std::size_t first = 0; first <= 8; ++first)
    for (std::size_t count = 0; first + count <= 8; ++count) {
      CAPTURE(first);
      CAPTURE(count);
      std::vector<float> out(2 * count);
      files.read(first, {out.data(), count, 2});
      CHECK(std::ranges::equal(out, std::span(all).subspan(2 * first, 2 * count)));
    }
  std::vector<float> out(4);
  check_refused([&] { files.read(7, {out.data(), 2, 2}); }, {"none.npy\" and the 6 that follow it", "8"});
  // Back to the first file after another.
  activation_files two({a, b});
  two.read(3, {out.data(), 1, 2});
  two.read(0, {out.data(), 1, 2});
  CHECK(out[0] == 0.0f);
  CHECK(activation_files({a}).where() == "\"" + a.string() + "\"");
}

TEST_CASE("activation_files: no file, another width and what is no activations are refused by name") {
  const scratch folder;
  const auto a = counted(folder, "a.npy", 3, 0);
  check_refused([] { activation_files({}); }, {"at least one file"});
  write_npy(folder.path() / "wide.npy", {2, 3}, std::vector<float>(6));
  check_refused([&] { activation_files({a, folder.path() / "wide.npy"}); }, {"wide.npy", "3 wide", "a.npy", "2"});
  check_refused([&] { activation_files({a, folder.path() / "absent.npy"}); }, {"absent.npy"});
}

TEST_CASE("activation_files: a file that has changed since it was looked at is refused when its turn comes") {
  const scratch folder;
  const auto a = counted(folder, "a.npy", 3, 0);
  const auto b = counted(folder, "b.npy", 5, 0);
  activation_files files({a, b});
  counted(folder, "b.npy", 4, 0);
  std::vector<float> out(6);
  files.read(0, {out.data(), 3, 2});
  check_refused([&] { files.read(3, {out.data(), 1, 2}); }, {"b.npy", "5 tokens"});
}

}  // namespace audit_activation_files_test
