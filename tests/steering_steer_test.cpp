// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/steer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace steering_steer_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr hook_point hook{1, hook_kind::resid_post};

std::vector<steering_vector> some_vectors(std::size_t count) {
  std::vector<steering_vector> out;
  const sae s = lossless_sae(64);
  for (std::size_t v = 0; v < count; ++v)
    out.push_back(feature_vector(s, 5 * v, 1.5));
  return out;
}

sampled_rows some_rows(std::size_t rows) {
  const token_rows all = random_rows(rows, 12, 97);
  return take_rows(all, spread_evenly(rows, rows), 12);
}

/// The model whose unembedding is `times` as large.
language_model louder(const language_model& model, float times) {
  language_model out = model;
  shared_tensor& tensor = out.tensors.at("embed_out.weight");
  std::vector<float> values = *tensor.values;
  for (float& w : values)
    w *= times;
  tensor = share(tensor.shape, values);
  return out;
}

}  // namespace

TEST_CASE("steer: a model steered beside itself responds alike to the bit, and one half as loud half as strongly") {
  const language_model model = tiny_model();
  const any_decoder reference(model), half(louder(model, 0.5f));
  const std::vector<steering_vector> vectors = some_vectors(3);
  const sampled_rows rows = some_rows(16);
  const steering_record same = steer(reference, reference, rows, {hook, 0}, vectors, steering_doses);
  const steering_record halved = steer(reference, half, rows, {hook, 0}, vectors, steering_doses);
  REQUIRE(same.groups == 4);
  for (std::size_t v = 0; v < 3; ++v)
    for (std::size_t d = 0; d < steering_doses.size(); ++d) {
      const steering_sums all = same.without(v, d, same.groups);
      CHECK(all.tokens == 16 * 12);
      CHECK(all.reference > 0.0);
      CHECK(all.gain() == 1.0);
      CHECK(all.fidelity() == 1.0);
      CHECK(all.reference_shift == all.compressed_shift);
      CHECK(halved.without(v, d, 4).gain() == 0.5);  // halves are exact in floats
      CHECK(halved.without(v, d, 4).fidelity() == 1.0);
      CHECK(same.without(v, d, 1).tokens == 12 * 12);
      if (d > 0) CHECK(all.reference > same.without(v, d - 1, 4).reference);
    }
}

TEST_CASE("steer: sums are those of whole passes whose hook adds the vector") {
  const language_model model = tiny_model();
  const any_decoder reference(model), compressed(compress(model, rtn{.bits = 3}).model);
  const std::vector<steering_vector> vectors = some_vectors(2);
  const std::vector<double> doses{1.0, 2.0};
  const sampled_rows rows = some_rows(8);
  constexpr std::size_t skip = 2;
  const steering_record found = steer(reference, compressed, rows, {hook, skip}, vectors, doses);
  const auto change = [&](const any_decoder& of, double dose) {
    const activations plain = of.logits(rows.tokens.view());
    const activations hidden =
        of.forward(rows.tokens.view(), {.hooks = {hook}, .final_hidden = true}, [&](std::size_t, matrix_view<float> x) {
          for (std::size_t t = 0; t < x.rows(); ++t)
            for (std::size_t i = 0; t % 12 >= skip && i < x.columns(); ++i)
              x(t, i) += static_cast<float>(dose) * vectors[1].values[i];
        });
    activations out;
    out.resize(hidden.tokens, 97);
    of.unembed(hidden.view(), out.view());
    for (std::size_t i = 0; i < out.values.size(); ++i)
      out.values[i] -= plain.values[i];
    return out;
  };
  for (std::size_t d = 0; d < doses.size(); ++d) {
    const activations a = change(reference, doses[d]), b = change(compressed, doses[d]);
    steering_sums known;
    for (std::size_t t = 0; t < a.tokens; ++t)
      if (t % 12 >= skip) known(a.view().row(t), b.view().row(t), 0);
    const steering_sums sums = found.without(1, d, found.groups);
    CHECK(sums.tokens == 8 * 10);
    CHECK(sums.product == doctest::Approx(known.product).epsilon(1e-12));
    CHECK(sums.fidelity() == doctest::Approx(known.fidelity()).epsilon(1e-12));
    CHECK(sums.fidelity() < 0.999);
  }
}

TEST_CASE("steer: the same bytes for every number of threads, and rows fall into the groups of their audit") {
  const language_model model = tiny_model();
  const any_decoder reference(model), compressed(compress(model, rtn{.bits = 3}).model);
  const std::vector<steering_vector> vectors = some_vectors(2);
  sampled_rows rows = some_rows(16);
  const std::size_t before = thread_count();
  set_thread_count(1);
  const steering_record alone = steer(reference, compressed, rows, {hook, 1}, vectors, steering_doses);
  for (const std::size_t threads : {2U, 3U}) {
    set_thread_count(threads);
    CHECK(steer(reference, compressed, rows, {hook, 1}, vectors, steering_doses) == alone);
  }
  set_thread_count(before);
  for (std::uint32_t& g : rows.group_of_row)
    g = 3;
  const steering_record together = steer(reference, compressed, rows, {hook, 1}, vectors, steering_doses);
  CHECK(together.without(0, 0, 3) == steering_sums{});
  CHECK(together.without(0, 0, 4).product == doctest::Approx(alone.without(0, 0, 4).product).epsilon(1e-12));
  rows.group_of_row.pop_back();
  CHECK_THROWS_WITH(steer(reference, compressed, rows, {hook, 1}, vectors, steering_doses),
                    doctest::Contains("a group each"));
}

TEST_CASE("steer: rows of a second block fall into their own groups") {
  const any_decoder reference(tiny_model());
  const std::vector<steering_vector> vectors = some_vectors(1);
  const std::vector<double> unit{1.0};
  const token_rows all = random_rows(352, 12, 97);  // a block holds 341 rows of 12
  const sampled_rows rows = take_rows(all, spread_evenly(352, 352), 12);
  const steering_record found = steer(reference, reference, rows, {hook, 0}, vectors, unit);
  const sampled_rows last = take_rows(all, std::vector<std::size_t>{347, 348, 349, 350, 351}, 12);
  REQUIRE(last.group_of_row.front() == 63);
  const steering_record alone = steer(reference, reference, last, {hook, 0}, vectors, unit);
  for (std::size_t g = 0; g < 64; ++g)
    CHECK(found.sums[g].tokens == (g % 2 == 0 ? 72U : 60U));
  CHECK(found.sums[63] == alone.sums[63]);
}

TEST_CASE("choose_targets: the token that a vector raises most at the steered positions") {
  const language_model model = tiny_model();
  const any_decoder reference(model);
  std::vector<steering_vector> vectors = some_vectors(4);
  const sampled_rows rows = some_rows(4);
  choose_targets(vectors, reference, rows, {hook, 1});
  const std::vector<double> unit{1.0};
  for (std::size_t v = 0; v < vectors.size(); ++v) {
    const double best = steer(reference, reference, rows, {hook, 1}, vectors, unit).without(v, 0, 9).reference_shift;
    std::vector<steering_vector> others = vectors;
    for (std::size_t id = 0; id < 97; id += 6) {
      others[v].target = id;
      const std::vector<steering_vector> one{others[v]};
      CHECK(steer(reference, reference, rows, {hook, 1}, one, unit).without(0, 0, 9).reference_shift <= best);
    }
  }
}

TEST_CASE("steer: blocks hold a bounded number of logits") {
  model_config config;
  config.vocabulary = 512;
  CHECK(detail::steered_rows_per_block(config, 64) == 64);
  config.vocabulary = 262'144;
  CHECK(detail::steered_rows_per_block(config, 8) == 2);
  CHECK(detail::steered_rows_per_block(config, 64) == 1);
}

}  // namespace steering_steer_test
