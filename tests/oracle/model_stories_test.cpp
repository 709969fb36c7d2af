// SPDX-License-Identifier: Apache-2.0
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"

namespace model_stories_test {

using namespace qfa;

namespace {

constexpr std::size_t context = 256;
constexpr std::size_t rows = 780;

std::filesystem::path stories() { return qfa_test::oracle_data() / "stories260K"; }

token_rows audit_tokens(const model_config& config) {
  return read_tokens(stories() / "tokens.npy",
                     {.context = context, .max_tokens = rows * context, .vocabulary = config.vocabulary});
}

by_row<loss_sum> losses_of(const language_model& weights, std::size_t rows_at_once) {
  const decoder<> model(weights);
  const token_rows tokens = audit_tokens(model.config());
  REQUIRE(tokens.rows() == rows);
  by_row<loss_sum> out;
  forward_scratch scratch;
  for (std::size_t first = 0; first < rows; first += rows_at_once) {
    const auto block = tokens.view().rows_between(first, std::min(rows, first + rows_at_once));
    const activations hidden = model.forward(block, {.final_hidden = true}, no_visitor{}, scratch);
    std::vector<double> nll(block.rows() * (context - 1));
    score_tokens(model, hidden.view(), block, nll);
    out.add_rows(std::span<const double>(nll), context - 1);
  }
  return out;
}

}  // namespace

namespace {

double expected_loss(const char* condition) {
  const json audit = read_json(stories() / "reference_audit.json");
  return audit["sae_l2_standard"]["conditions"][condition]["loss"].get<double>();
}

}  // namespace

TEST_CASE("stories260K: the reference loss over 780 rows is the independent audit's") {
  const by_row<loss_sum> losses = losses_of(load_model(stories()), 8);
  CHECK(losses.total().tokens == rows * (context - 1));
  CHECK(std::fabs(losses.total().mean() - expected_loss("reference")) < 1e-6);
  // Every row holds as many tokens, so batches of any size that divides them have the same mean.
  CHECK(mean_over_batches(losses, 4) == doctest::Approx(losses.total().mean()).epsilon(1e-12));
}

TEST_CASE("stories260K: token by token, the loss of the first rows is the independent run's") {
  const decoder<> model(load_model(stories()));
  const token_rows tokens = audit_tokens(model.config());
  const auto block = tokens.view().rows_between(0, 2);
  std::vector<double> nll(2 * (context - 1));
  score_tokens(model, model.final_hidden(block).view(), block, nll);
  const auto expected = read_floats(safetensors(stories() / "kv_expected.safetensors").at("nll.reference"));
  REQUIRE(expected.size() == nll.size());
  for (std::size_t i = 0; i < nll.size(); ++i)
    CHECK(std::fabs(nll[i] - static_cast<double>(expected[i])) < 1e-4);
}

TEST_CASE("stories260K: rounded to four bits and pruned, the loss is the independent audit's") {
  const language_model model = load_model(stories());
  const auto rounded = compress(model, rtn{.bits = 4});
  CHECK(std::fabs(losses_of(rounded.model, 8).total().mean() - expected_loss("rtn-int4-row")) < 1e-6);
  const auto pruned = compress(model, magnitude_pruner{.sparsity = 0.175});
  CHECK(std::fabs(losses_of(pruned.model, 8).total().mean() - expected_loss("prune-0.175")) < 1e-6);
}

}  // namespace model_stories_test
