// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load_tensors.hpp"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/safetensors_writer.hpp"
#include "scratch.hpp"

namespace sae_load_tensors_test {

using qfa::stored_as;
using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

const std::vector<float> six{1, 2, 3, 4, 5, 6};
const std::vector<float> four{1, 2, 3, 4};

/// The same tensors from both containers.
template <class Check>
void each_container(Check check) {
  const scratch here;
  const auto path = here.path() / "x.safetensors";
  const double scalar = 0.25;
  qfa::write_safetensors(
      path, std::vector<qfa::tensor_to_write>{
                qfa::as_tensor<float>("m", {2, 3}, six), qfa::as_tensor<float>("square", {2, 2}, four),
                qfa::as_tensor<float>("v", {4}, four), qfa::as_tensor<double>("s", {}, std::span(&scalar, 1))});
  check(qfa::sae_tensors{qfa::safetensors(path)});
  const auto array = [](std::vector<std::size_t> shape, std::span<const std::byte> bytes, qfa::dtype type) {
    return qfa::npy_array{type, std::move(shape), {bytes.begin(), bytes.end()}};
  };
  std::map<std::string, qfa::npy_array> arrays;
  arrays["m"] = array({2, 3}, std::as_bytes(std::span(six)), qfa::dtype::f32);
  arrays["square"] = array({2, 2}, std::as_bytes(std::span(four)), qfa::dtype::f32);
  arrays["v"] = array({4}, std::as_bytes(std::span(four)), qfa::dtype::f32);
  arrays["s"] = array({}, std::as_bytes(std::span(&scalar, 1)), qfa::dtype::f64);
  check(qfa::sae_tensors(arrays, "\"x.npz\""));
}

}  // namespace

TEST_CASE("sae_tensors: vectors, scalars and matrices by name and shape") {
  each_container([](const qfa::sae_tensors& tensors) {
    CHECK(tensors.vector("v", 4) == four);
    CHECK(tensors.scalar("s") == 0.25);
    CHECK(tensors.matrix("m", 2, 3, stored_as::rows_columns) == six);
    CHECK(tensors.matrix("m", 3, 2, stored_as::columns_rows) == std::vector<float>{1, 4, 2, 5, 3, 6});
    CHECK(tensors.contains("v"));
    CHECK(!tensors.contains("w"));
    CHECK(tensors.shape("m").size() == 2);
  });
}

TEST_CASE("sae_tensors: lengths that differ prove the layout, whatever was declared") {
  each_container([](const qfa::sae_tensors& tensors) {
    CHECK(tensors.matrix("m", 2, 3, stored_as::columns_rows) == six);
    CHECK(tensors.matrix("m", 3, 2, stored_as::rows_columns) == std::vector<float>{1, 4, 2, 5, 3, 6});
  });
}

TEST_CASE("sae_tensors: a square matrix lies as its format declares") {
  each_container([](const qfa::sae_tensors& tensors) {
    CHECK(tensors.matrix("square", 2, 2, stored_as::rows_columns) == four);
    CHECK(tensors.matrix("square", 2, 2, stored_as::columns_rows) == std::vector<float>{1, 3, 2, 4});
  });
}

TEST_CASE("sae_tensors: a matrix larger than a tile is turned to its last number") {
  const scratch here;
  std::vector<float> values(70 * 41);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i);
  qfa::write_safetensors(here.path() / "x", std::vector{qfa::as_tensor<float>("m", {70, 41}, values)});
  const std::vector<float> turned =
      qfa::sae_tensors{qfa::safetensors(here.path() / "x")}.matrix("m", 41, 70, stored_as::columns_rows);
  for (std::size_t r = 0; r < 41; ++r)
    for (std::size_t c = 0; c < 70; ++c)
      CHECK(turned[r * 70 + c] == values[c * 41 + r]);
}

TEST_CASE("sae_tensors: what is missing, misshapen or unknown is refused by name") {
  each_container([](const qfa::sae_tensors& tensors) {
    check_refused([&] { tensors.vector("w", 4); }, {"\"w\"", "x."});
    check_refused([&] { tensors.vector("v", 5); }, {"\"v\"", "(4)", "(5)", "x."});
    check_refused([&] { tensors.vector("m", 6); }, {"\"m\"", "(2, 3)", "(6)"});
    check_refused([&] { tensors.scalar("v"); }, {"\"v\"", "(4)", "()"});
    check_refused([&] { tensors.matrix("m", 2, 4, stored_as::rows_columns); }, {"\"m\"", "(2, 3)", "but (2, 4)"});
    check_refused([&] { tensors.matrix("m", 2, 4, stored_as::columns_rows); }, {"\"m\"", "(2, 3)", "but (4, 2)"});
    check_refused([&] { tensors.matrix("v", 2, 2, stored_as::rows_columns); }, {"\"v\"", "(4)"});
    check_refused([&] { tensors.expect_only({"m", "v", "s"}); }, {"\"square\"", "x."});
    tensors.expect_only({"m", "v", "s", "square", "other"});
  });
}

TEST_CASE("sae_tensors: they outlive what they were made of") {
  const scratch here;
  qfa::write_safetensors(here.path() / "x", std::vector{qfa::as_tensor<float>("v", {4}, four)});
  const qfa::sae_tensors copy = [&] {
    return qfa::sae_tensors(qfa::sae_tensors{qfa::safetensors(here.path() / "x")});
  }();
  CHECK(copy.vector("v", 4) == four);
}

}  // namespace sae_load_tensors_test
