// SPDX-License-Identifier: Apache-2.0
// A policy that looks at activations is a struct, too: this one takes from each row the weights whose going costs the
// outputs least, |w|^2 sum x^2 each, as many as it may for a share of the row's whole.
#include <algorithm>
#include <cassert>
#include <cstdio>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/output_error.hpp"
#include "qfa/compress/spec.hpp"

struct cheapest_first {
  double budget = 0.01;

  void operator()(qfa::matrix_view<float> w, const qfa::tensor_info&, const qfa::calibration& known) const {
    for (std::size_t r = 0; r < w.rows(); ++r) {
      std::vector<double> cost(w.columns());
      std::vector<std::size_t> order(w.columns());
      for (std::size_t j = 0; j < cost.size(); ++j) {
        cost[j] = static_cast<double>(w(r, j)) * static_cast<double>(w(r, j)) * known.inputs.sum_square()[j];
        order[j] = j;
      }
      std::ranges::stable_sort(order, {}, [&](std::size_t j) { return cost[j]; });
      double left = budget * std::accumulate(cost.begin(), cost.end(), 0.0);
      for (const std::size_t j : order)
        if ((left -= cost[j]) >= 0.0) w(r, j) = 0.0f;
    }
  }

  // What calibration must keep: sums and peaks of channels, and not the Gram matrix, which takes columns^2 doubles.
  static qfa::calibration_needs needs() { return {.channels = true}; }

  // With these few lines a spec string can make it: "cheapest_first:budget=0.05".
  static constexpr std::string_view spec_name = "cheapest_first";
  static constexpr std::string_view summary = "zero what the outputs miss least";
  static constexpr auto fields() {
    return std::tuple{
        qfa::field{"budget", &cheapest_first::budget, "the share of each row's output power that may go"}};
  }
  std::string name() const { return qfa::spec_of(*this); }
};

int main() {
  // Three input channels, one of them loud, seen on four tokens.
  const std::vector<float> tokens{1, 0.1f, 9, -1, 0.2f, 8, 1, -0.1f, -9, 1, 0.1f, 7};
  const std::vector<float> weights{0.3f, 4, 0.2f, 2, 1, -1};
  qfa::calibration known{qfa::input_statistics(3, true)};
  known.inputs(qfa::matrix_view<const float>(tokens.data(), 4, 3));

  // On channel 1 inputs are so small that even 4 is missed less than the 0.2 on channel 2.
  std::vector<float> w = weights;
  const qfa::matrix_view<float> matrix(w.data(), 2, 3);
  cheapest_first{.budget = 0.15}(matrix, {}, known);
  assert((w == std::vector<float>{0, 0, 0.2f, 0, 0, -1}));

  // Under its name it joins qfa's own, here before GPTQ, and calibration keeps what either needs.
  auto catalogue = qfa::default_catalogue();
  catalogue.add<cheapest_first>();
  const qfa::any_policy both = qfa::parse_policy("cheapest_first:budget=0.15+gptq:bits=4", catalogue);
  assert(both.needs().gram && describe(both) == "cheapest_first:budget=0.15+gptq:bits=4");
  w = weights;
  both(matrix, {.name = "w"}, known);
  assert(w[0] == 0 && w[1] == 0 && w[4] == 0);
  const qfa::matrix_view<const float> original(weights.data(), 2, 3);
  const double lost = qfa::output_error(original, matrix, known.inputs.gram());
  const double whole = qfa::output_error(2, known.inputs.gram(), [&](std::size_t r, std::span<double> d) {
    std::ranges::copy(original.row(r), d.begin());
  });
  assert(lost > 0.0 && lost < 0.1 * whole);
  std::printf("%s costs %.2f %% of the outputs' power\n", describe(both).c_str(), 100.0 * lost / whole);
}
