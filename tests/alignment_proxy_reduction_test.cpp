// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/proxy_reduction.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace alignment_proxy_reduction_test {

using qfa_test::close;
using view = qfa::matrix_view<const float>;

TEST_CASE("proxy_reduction: another program's, along the direction, in a subspace and in all channels") {
  const qfa_test::alignment_vectors vectors;
  const qfa_test::alignment_pairs train(vectors, "train", "same"), coarse(vectors, "heldout", "per_tensor"),
      fine(vectors, "heldout", "per_channel");
  const auto both = [](qfa_test::alignment_matrix first, const qfa_test::alignment_matrix& second) {
    first.values.insert(first.values.end(), second.values.begin(), second.values.end());
    first.rows += second.rows;
    return first;
  };
  const auto reference = both(coarse.harmful, coarse.harmless),
             per_tensor = both(coarse.harmful_compressed, coarse.harmless_compressed),
             per_channel = both(fine.harmful_compressed, fine.harmless_compressed);
  const qfa::json& known = qfa_test::alignment_numbers().at("proxy_pcr");
  const qfa::subspace line(qfa::find_direction(train.harmful, train.harmless));
  CHECK(close(qfa::proxy_reduction(line, reference, per_tensor, per_channel), known.at("direction").get<double>()));
  const qfa::subspace three = qfa::find_subspace(train.harmful, train.harmless, 3);
  CHECK(close(qfa::proxy_reduction(three, reference, per_tensor, per_channel), known.at("subspace").get<double>()));
  std::vector<double> identity(reference.columns * reference.columns, 0.0);
  for (std::size_t c = 0; c < reference.columns; ++c)
    identity[c * reference.columns + c] = 1.0;
  CHECK(close(qfa::proxy_reduction({identity, reference.columns}, reference, per_tensor, per_channel),
              known.at("full_space").get<double>()));
}

TEST_CASE("proxy_reduction: errors beside the direction do not count") {
  const std::array<float, 4> x{0.0f, 0.0f, 0.0f, 0.0f}, coarse{2.0f, 9.0f, 0.0f, 0.0f}, fine{1.0f, -5.0f, 1.0f, 7.0f};
  const auto rows = [](const std::array<float, 4>& values) { return view(values.data(), 2, 2); };
  const qfa::subspace line({1.0, 0.0}, 2);
  CHECK(qfa::error_inside(line, rows(x), rows(coarse)) == 2.0);
  CHECK(qfa::proxy_reduction(line, rows(x), rows(coarse), rows(fine)) == 0.5);
  CHECK(qfa::proxy_reduction(line, rows(x), rows(fine), rows(coarse)) == -1.0);
  CHECK(std::isnan(qfa::proxy_reduction(line, rows(x), rows(x), rows(fine))));
  qfa_test::check_refused([&] { qfa::error_inside(line, rows(x), view(x.data(), 1, 2)); }, {"same prompts"});
  qfa_test::check_refused([&] { qfa::error_inside(line, view(x.data(), 1, 4), view(x.data(), 1, 4)); },
                          {"its channels"});
}

}  // namespace alignment_proxy_reduction_test
