// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/safetensors_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_safetensors_writer_test {

using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

const std::vector<float> floats{1, 2, 3, 4, 5, 6};
const std::vector<std::int64_t> integers{-1, 7};
const std::vector<std::uint8_t> octets{1, 2, 3};

std::vector<qfa::tensor_to_write> three() {
  return {qfa::as_tensor<std::uint8_t>("a", {3}, octets), qfa::as_tensor<float>("z", {2, 3}, floats),
          qfa::as_tensor<float>("m", {}, std::span(floats).first(1)), qfa::as_tensor<std::int64_t>("i", {2}, integers)};
}

}  // namespace

TEST_CASE("write_safetensors: what is written is read back") {
  const scratch here;
  const auto path = here.path() / "x.safetensors";
  qfa::write_safetensors(path, three(), {{"format", "pt"}});
  const qfa::safetensors file(path);
  CHECK(qfa::read_floats(file.at("z")) == floats);
  CHECK(file.at("z").shape == std::vector<std::size_t>{2, 3});
  CHECK(file.at("m").shape.empty());
  CHECK(qfa::read_integers(file.at("i")) == integers);
  CHECK(qfa::read_integers(file.at("a")) == std::vector<std::int64_t>{1, 2, 3});
  CHECK(file.metadata() == std::map<std::string, std::string>{{"format", "pt"}});
  CHECK(here.files() == 1);
}

TEST_CASE("write_safetensors: wide types first, names sorted within, every tensor aligned to its type") {
  const scratch here;
  const auto path = here.path() / "x.safetensors";
  for (const std::size_t pad : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    CAPTURE(pad);
    qfa::write_safetensors(path, three(), {{"k", std::string(pad, 'x')}});
    const std::string bytes = qfa_test::slurp(path);
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    CHECK(length % 8 == 0);
    CHECK(bytes[8] == '{');
    const qfa::safetensors file(path);
    std::string order;
    for (const qfa::stored_tensor& tensor : file.tensors())
      order += tensor.name;
    CHECK(order == "imza");
  }
}

TEST_CASE("write_safetensors: the order of the arguments leaves no trace") {
  const scratch here;
  std::vector<qfa::tensor_to_write> tensors = three();
  qfa::write_safetensors(here.path() / "x", tensors);
  std::swap(tensors[0], tensors[3]);
  std::swap(tensors[1], tensors[2]);
  qfa::write_safetensors(here.path() / "y", tensors);
  CHECK(qfa_test::slurp(here.path() / "x") == qfa_test::slurp(here.path() / "y"));
}

TEST_CASE("write_safetensors: no tensors, empty tensors and odd names are written") {
  const scratch here;
  qfa::write_safetensors(here.path() / "x", {});
  CHECK(qfa::safetensors(here.path() / "x").tensors().empty());
  const std::vector<qfa::tensor_to_write> odd{qfa::as_tensor<float>("\"\n/..\xc3\xa9", {0, 4}, {}),
                                              qfa::as_tensor<float>("", {1}, std::span(floats).first(1))};
  qfa::write_safetensors(here.path() / "x", odd);
  CHECK(qfa::safetensors(here.path() / "x").at("\"\n/..\xc3\xa9").shape == std::vector<std::size_t>{0, 4});
  CHECK(qfa::safetensors(here.path() / "x").contains(""));
}

TEST_CASE("write_safetensors: bytes that miss the shape, and names twice, reserved or broken, are refused") {
  const scratch here;
  const auto refused = [&](std::vector<qfa::tensor_to_write> tensors, std::initializer_list<std::string_view> parts) {
    check_refused([&] { qfa::write_safetensors(here.path() / "x.safetensors", tensors); }, parts);
    CHECK(here.files() == 0);
  };
  refused({qfa::as_tensor<float>("a", {7}, floats)}, {"\"a\"", "24 bytes", "(7)", "x.safetensors"});
  refused({qfa::as_tensor<float>("a", {6}, floats), qfa::as_tensor<std::uint8_t>("a", {3}, octets)},
          {"\"a\"", "twice"});
  refused({qfa::as_tensor<float>("__metadata__", {6}, floats)}, {"__metadata__"});
  refused({qfa::as_tensor<float>("\xff", {6}, floats)}, {"UTF-8", "x.safetensors"});
}

TEST_CASE("write_safetensors: a directory that is not there is named") {
  check_refused([] { qfa::write_safetensors("/nonexistent/x.safetensors", {}); }, {"/nonexistent/x.safetensors"});
}

}  // namespace io_safetensors_writer_test
