// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/global_prune.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "pruner_laws.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/load.hpp"
#include "scratch.hpp"

namespace model_global_prune_test {

using qfa::global_pruner;
using qfa::pruning_rule;
using qfa::threshold_pruner;
using qfa_test::check_refused;
using qfa_test::pruned_matrix;

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

/// The chosen weights of a model, in order.
std::vector<float> chosen_weights(const qfa::language_model& model, const qfa::target_patterns& targets = {}) {
  std::vector<float> all;
  for (const qfa::logical_tensor& tensor : qfa::logical_tensors(model.config)) {
    if (!targets(tensor.info)) continue;
    const auto view = tensor.of(model.at(tensor.slice.weight).data());
    for (std::size_t r = 0; r < view.rows(); ++r)
      all.insert(all.end(), view.row(r).begin(), view.row(r).end());
  }
  return all;
}

TEST_CASE("global pruning: the oracle's bits, of two matrices under one threshold") {
  const auto first = pruned_matrix("weights"), second = pruned_matrix("weights2");
  for (const std::string text : qfa_test::pruned_sparsities) {
    CAPTURE(text);
    const std::size_t k =
        qfa::threshold_rank(pruning_rule::paper, std::stod(text), first.values.size() + second.values.size());
    const std::vector<qfa::matrix_view<const float>> both{first.view(), second.view()};
    const threshold_pruner policy =
        k == 0 ? threshold_pruner{} : threshold_pruner{qfa::kth_smallest_magnitude(both, k)};
    CHECK(qfa_test::same_bits(qfa_test::compressed(first, policy).values, pruned_matrix("global." + text).values));
    CHECK(qfa_test::same_bits(qfa_test::compressed(second, policy).values, pruned_matrix("global2." + text).values));
  }
}

TEST_CASE("global_pruner: all chosen matrices are pruned as one would be, parts of fused tensors included") {
  for (const char* family : {"llama", "gpt_neox", "phi3"})
    for (const double sparsity : {0.0, 0.3, 0.5, 1.0}) {
      CAPTURE(family);
      CAPTURE(sparsity);
      const qfa::language_model model = qfa::load_model(models / family);
      const std::vector<float> before = chosen_weights(model);
      std::vector<float> sizes;
      for (const float w : before)
        sizes.push_back(std::fabs(w));
      std::ranges::sort(sizes);
      const auto k = static_cast<std::size_t>(sparsity * static_cast<double>(sizes.size()));
      const std::vector<float> after = chosen_weights(qfa::compress(model, global_pruner(model, sparsity)).model);
      for (std::size_t i = 0; i < before.size(); ++i) {
        const bool goes = k > 0 && std::fabs(before[i]) <= sizes[k - 1];
        if (after[i] != (goes ? 0.0f : before[i])) FAIL_CHECK("weight ", i);
      }
      if (k < sizes.size())  // the Wanda repository's rule
        CHECK(global_pruner(model, sparsity, {}, pruning_rule::wanda).at_most == sizes[k]);
    }
}

TEST_CASE("global_pruner: only what the targets choose sets the threshold") {
  const qfa::language_model model = qfa::load_model(models / "llama");
  const qfa::target_patterns downs{.include = {"*down_proj*"}, .exclude = {}};
  std::vector<float> sizes;
  for (const float w : chosen_weights(model, downs))
    sizes.push_back(std::fabs(w));
  std::ranges::sort(sizes);
  const float threshold = global_pruner(model, 0.25, downs).at_most;
  CHECK(threshold == sizes[sizes.size() / 4 - 1]);
  CHECK(threshold != global_pruner(model, 0.25).at_most);
}

TEST_CASE("global_pruner: a sparsity that is no share, idle patterns and weights that are not finite are refused") {
  qfa::language_model model = qfa::load_model(models / "llama");
  check_refused([&] { global_pruner(model, 1.5); }, {"global pruning's sparsity", "between 0 and 1"});
  check_refused([&] { global_pruner(model, 0.5, {.include = {"*W_Q*"}, .exclude = {}}); },
                {"*W_Q*", "matches no tensor"});
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  std::vector<float> spoiled = *model.at(name).values;
  spoiled.back() = std::numeric_limits<float>::quiet_NaN();
  model.tensors[name] = qfa::share(model.at(name).shape, std::move(spoiled));
  check_refused([&] { global_pruner(model, 0.5); }, {name, "not finite"});
}

}  // namespace model_global_prune_test
