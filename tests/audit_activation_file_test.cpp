// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/activation_file.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "qfa/io/npy_writer.hpp"
#include "qfa/io/safetensors_writer.hpp"
#include "scratch.hpp"

namespace audit_activation_file_test {

using namespace qfa;
using qfa_test::check_refused;

TEST_CASE("activation_file: npy and safetensors give the same rows, from any token on") {
  const qfa_test::scratch folder;
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  const std::vector<std::uint16_t> halves{0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0};  // bfloat16
  const std::vector<std::uint8_t> other(5);
  write_npy(folder.path() / "x.npy", {3, 2}, x);
  // A vector beside the activations is no matrix, and does not count.
  write_safetensors(folder.path() / "x.safetensors",
                    std::vector<tensor_to_write>{{"a", dtype::u8, {5}, std::as_bytes(std::span(other))},
                                                 {"h", dtype::f32, {3, 2}, std::as_bytes(std::span(x))}});
  write_safetensors(folder.path() / "bf16.safetensors",
                    std::vector<tensor_to_write>{{"h", dtype::bf16, {3, 2}, std::as_bytes(std::span(halves))}});
  for (const char* name : {"x.npy", "x.safetensors", "bf16.safetensors"}) {
    CAPTURE(name);
    activation_file file(folder.path() / name);
    CHECK(file.tokens() == 3);
    CHECK(file.width() == 2);
    CHECK(file.where() == "\"" + (folder.path() / name).string() + "\"");
    std::vector<float> out(4);
    file.read(1, {out.data(), 2, 2});
    CHECK(out == std::vector<float>{3, 4, 5, 6});
    check_refused([&] { file.read(2, {out.data(), 2, 2}); }, {name, "3 rows of 2"});
  }
}

TEST_CASE("activation_file: what is no matrix of activations is refused") {
  const qfa_test::scratch folder;
  check_refused([&] { activation_file(folder.path() / "absent.npy"); }, {"absent.npy"});
  check_refused([&] { activation_file(folder.write("x.bin", "x")); }, {"x.bin", ".npy nor .safetensors"});
  const std::vector<float> x{1, 2, 3, 4};
  write_npy(folder.path() / "line.npy", {4}, x);
  check_refused([&] { activation_file(folder.path() / "line.npy"); }, {"line.npy", "1 dimensions"});
  const auto refused = [&](const std::vector<tensor_to_write>& tensors, std::string_view part) {
    write_safetensors(folder.path() / "x.safetensors", tensors);
    check_refused([&] { activation_file(folder.path() / "x.safetensors"); }, {"x.safetensors", part});
  };
  const auto bytes = std::as_bytes(std::span(x));
  refused({{"a", dtype::f32, {2, 2}, bytes}, {"b", dtype::f32, {2, 2}, bytes}}, "several tensors");
  refused({{"a", dtype::f32, {4}, bytes}}, "no tensor of two dimensions");
  refused({{"a", dtype::f32, {1, 2, 2}, bytes}}, "no tensor of two dimensions");
  refused({{"a", dtype::i32, {2, 2}, bytes}}, "I32");
}

}  // namespace audit_activation_file_test
