// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/linear.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace model_linear_test {

using namespace qfa;

namespace {

/// Six stored rows of two columns, of which a slice takes rows 1, 2, 4 and 5; integers, so that sums are exact.
language_model stored() {
  language_model model;
  model.tensors["w"] = share({6, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  model.tensors["b"] = share({6}, {100, 200, 300, 400, 500, 600});
  return model;
}

const weight_slice blocks{"w", "b", 4, 2, 1, 2, 3, "q"};

std::vector<float> apply(const linear<>& layer, std::vector<float> x) {
  std::vector<float> out(layer.outputs());
  layer(matrix_view<const float>(x.data(), 1, 2), matrix_view<float>(out.data(), 1, out.size()));
  return out;
}

}  // namespace

TEST_CASE("linear: rows of a slice are its outputs, and its bias lies as they do") {
  const linear<> layer(stored(), blocks);
  CHECK(layer.outputs() == 4);
  CHECK(apply(layer, {1, 10}) == std::vector<float>{200 + 43, 300 + 65, 500 + 109, 600 + 131});
}

TEST_CASE("linear: a bias that the model does not have is none") {
  language_model model = stored();
  model.tensors.erase("b");
  CHECK(apply(linear<>(model, blocks), {1, 10}) == std::vector<float>{43, 65, 109, 131});
}

TEST_CASE("linear: packed rows give the same outputs, or a part of them, and two layers at once") {
  const linear<> layer(stored(), blocks);
  language_model model = stored();
  model.tensors.erase("b");
  const linear<> plain(model, blocks);
  const std::vector<float> x{1, 10, 0, 1};
  const simd::packed_rows<> packed(matrix_view<const float>(x.data(), 2, 2));
  std::vector<float> out(8), two(8);
  const auto store = [&](std::vector<float>& to) {
    return [&to](std::size_t row, std::size_t column, const simd::floats<>& y, std::size_t valid) {
      simd::store_valid<simd::best_arch>(y, to.data() + row * 4 + column, valid);
    };
  };
  layer(packed, store(out));
  CHECK(out == std::vector<float>{243, 365, 609, 731, 204, 306, 510, 612});
  std::vector<float> part(8, -1.0f);
  layer(packed, store(part), {.last_column = 2});
  CHECK(part == std::vector<float>{243, 365, -1, -1, 204, 306, -1, -1});
  linear<>::both(layer, plain, packed,
                 [&](std::size_t row, std::size_t column, const simd::floats<>& y, const simd::floats<>& unbiased,
                     std::size_t valid) {
                   store(out)(row, column, y, valid);
                   store(two)(row, column, unbiased, valid);
                 });
  CHECK(out == std::vector<float>{243, 365, 609, 731, 204, 306, 510, 612});
  CHECK(two == std::vector<float>{43, 65, 109, 131, 4, 6, 10, 12});
}

TEST_CASE("linear: panels are shared where the tensor is the same, and only there") {
  const language_model model = stored();
  const linear<> first(model, blocks);
  CHECK(linear<>(model, blocks, &first).shares_with(first));
  CHECK_FALSE(linear<>(model, blocks).shares_with(first));
  language_model other = model;
  other.tensors["w"] = share({6, 2}, *model.at("w").values);
  CHECK_FALSE(linear<>(other, blocks, &first).shares_with(first));
  other.tensors["w"] = model.at("w");
  other.tensors["b"] = share({6}, std::vector<float>(6, 0.0f));
  const linear<> moved(other, blocks, &first);
  CHECK(moved.shares_with(first));
  CHECK(apply(moved, {1, 10})[0] == 43.0f);
}

TEST_CASE("linear: panels outlive the tensor they were packed from, and a new tensor is not taken for it") {
  linear<> kept;
  {
    const language_model model = stored();
    kept = linear<>(model, blocks);
  }
  CHECK(apply(kept, {1, 0})[0] == 203.0f);
  CHECK_FALSE(linear<>(stored(), blocks, &kept).shares_with(kept));
}

TEST_CASE("linear: no rows is no layer") {
  CHECK_FALSE(linear<>().exists());
  CHECK_FALSE(linear<>(language_model{}, weight_slice{}).exists());
  CHECK(linear<>(stored(), blocks).exists());
}

}  // namespace model_linear_test
