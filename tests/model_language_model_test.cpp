// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/language_model.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "scratch.hpp"

namespace model_language_model_test {

using namespace qfa;

TEST_CASE("language_model: a copy shares every tensor, and a tensor put into the copy leaves the original alone") {
  language_model model;
  model.source = "'somewhere'";
  model.tensors["a"] = share({2}, {1.0f, 2.0f});
  model.tensors["b"] = share({1}, {3.0f});
  language_model copy = model;
  for (const auto& [name, tensor] : model.tensors)
    CHECK(copy.at(name).values == tensor.values);
  copy.tensors["a"] = share({2}, {5.0f, 6.0f});
  CHECK(model.at("a").data()[0] == 1.0f);
  CHECK(copy.at("a").data()[0] == 5.0f);
  CHECK(copy.at("b").values == model.at("b").values);
  CHECK(model.contains("a"));
  CHECK_FALSE(model.contains("c"));
  qfa_test::check_refused([&] { model.at("c"); }, {"\"c\"", "'somewhere'"});
}

TEST_CASE("shared_tensor: bits are not known unless they are said") {
  CHECK(std::isnan(share({1}, {3.0f}).bits));
  CHECK(share({1}, {3.0f}, 4.5).bits == 4.5);
}

}  // namespace model_language_model_test
