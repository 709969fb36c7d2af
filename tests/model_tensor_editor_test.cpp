// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/tensor_editor.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace model_tensor_editor_test {

using namespace qfa;

TEST_CASE("tensor_editor: what is changed is a copy, and what is not stays shared") {
  language_model model;
  model.tensors["a"] = share({2}, {1.0f, 2.0f});
  model.tensors["b"] = share({1}, {5.0f});
  const language_model original = model;
  detail::tensor_editor edit(model);
  edit.change("a")[1] = 7.0f;
  CHECK(edit.values("a")[1] == 7.0f);
  CHECK((*model.at("a").values)[1] == 2.0f);
  edit.change_or_add("c", 3)[0] = 1.0f;
  edit.change_or_add("c", 3)[1] = 2.0f;
  edit.copy("a", "d");
  CHECK(edit.contains("c"));
  CHECK_FALSE(edit.contains("e"));
  edit.finish();
  CHECK(*model.at("a").values == std::vector<float>{1.0f, 7.0f});
  CHECK(*model.at("c").values == std::vector<float>{1.0f, 2.0f, 0.0f});
  CHECK(*model.at("d").values == std::vector<float>{1.0f, 7.0f});
  CHECK(model.at("d").shape == std::vector<std::size_t>{2});
  CHECK(model.at("b").values == original.at("b").values);
  CHECK(*original.at("a").values == std::vector<float>{1.0f, 2.0f});
}

TEST_CASE("tensor_editor: bits where a weight is stored stay what they were, and are not known of what is new") {
  language_model model;
  model.tensors["a"] = share({2}, {1.0f, 2.0f}, 16.0);
  detail::tensor_editor edit(model);
  edit.copy("a", "untouched_copy");
  edit.change("a")[0] = 3.0f;
  edit.copy("a", "changed_copy");
  edit.change_or_add("new", 2);
  CHECK(edit.shape("new") == std::vector<std::size_t>{2});
  edit.finish();
  CHECK(model.at("a").bits == 16.0);
  CHECK(model.at("untouched_copy").bits == 16.0);
  CHECK(model.at("changed_copy").bits == 16.0);
  CHECK(std::isnan(model.at("new").bits));
}

}  // namespace model_tensor_editor_test
