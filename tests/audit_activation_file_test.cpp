// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/activation_file.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "qfa/io/npy_writer.hpp"
#include "qfa/io/safetensors_writer.hpp"
#include "scratch.hpp"

namespace audit_activation_file_test {

using namespace qfa;

TEST_CASE("activation_file: npy and safetensors give the same rows, from any token on") {
  const qfa_test::scratch folder;
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  write_npy(folder.path() / "x.npy", {3, 2}, x);
  const std::vector<tensor_to_write> tensors{{"h", dtype::f32, {3, 2}, std::as_bytes(std::span(x))}};
  write_safetensors(folder.path() / "x.safetensors", tensors);
  for (const char* name : {"x.npy", "x.safetensors"}) {
    CAPTURE(name);
    const activation_file file(folder.path() / name);
    CHECK(file.tokens() == 3);
    CHECK(file.width() == 2);
    std::vector<float> out(4);
    file.read(1, {out.data(), 2, 2});
    CHECK(out == std::vector<float>{3, 4, 5, 6});
  }
}

TEST_CASE("activation_file: what is no matrix of activations is refused") {
  const qfa_test::scratch folder;
  CHECK_THROWS_AS(activation_file(folder.path() / "absent.npy"), error);
  CHECK_THROWS_AS(activation_file(folder.write("x.bin", "x")), error);
  const std::vector<float> x{1, 2, 3, 4};
  write_npy(folder.path() / "line.npy", {4}, x);
  CHECK_THROWS_AS(activation_file(folder.path() / "line.npy"), error);
  const auto bytes = std::as_bytes(std::span(x));
  write_safetensors(folder.path() / "two.safetensors",
                    std::vector<tensor_to_write>{{"a", dtype::f32, {2, 2}, bytes}, {"b", dtype::f32, {2, 2}, bytes}});
  CHECK_THROWS_AS(activation_file(folder.path() / "two.safetensors"), error);
}

}  // namespace audit_activation_file_test
