// SPDX-License-Identifier: Apache-2.0
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "qfa/io/json.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"

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

TEST_CASE("stories260K: the reference loss over 780 rows is the independent audit's") {
  const json audit = read_json(stories() / "reference_audit.json");
  const double expected = audit["sae_l2_standard"]["conditions"]["reference"]["loss"].get<double>();
  const by_row<loss_sum> losses = losses_of(load_model(stories()), 8);
  CHECK(losses.total().tokens == rows * (context - 1));
  CHECK(std::fabs(losses.total().mean() - expected) < 1e-6);
  // Every row holds as many tokens, so batches of any size that divides them have the same mean.
  CHECK(mean_over_batches(losses, 4) == doctest::Approx(losses.total().mean()).epsilon(1e-12));
}
