// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_PRUNER_LAWS_HPP
#define QFA_TESTS_PRUNER_LAWS_HPP

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "compress_matrices.hpp"
#include "model_threads.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/io/safetensors.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// What every pruner and control owes (qfa::weight_policy), on matrices of 12 rows and 24 columns and of 96 and 512:
///
///   in place     a view in strides and blocks gives what a copy gives, and nothing outside is touched
///   determined   the same bits on 1, 2, 3 and 8 threads, and when called again
///   refusal      weights that are not finite are refused by a sentence that names the tensor, and stay as they are
template <qfa::weight_policy P>
void check_pruner_laws(const P& policy, const qfa::tensor_info& info) {
  check_in_place(policy, 4, 3, info);

  const matrix weights = random_matrix(96, 512, 3);
  const matrix once = compressed(weights, policy, info);
  CHECK_FALSE(same_bits(once.values, weights.values));
  for_each_thread_count([&] { CHECK(same_bits(compressed(weights, policy, info).values, once.values)); });

  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    matrix spoiled = random_matrix(12, 24);
    spoiled.view()(7, 11) = bad;
    const matrix before = spoiled;
    check_refused([&] { qfa::apply_policy(policy, spoiled.view(), info); }, {info.name, "row 7", "not finite"});
    CHECK(same_bits(spoiled.values, before.values));
  }
}

/// A matrix of tests/data/pruners.safetensors.
inline matrix pruned_matrix(const std::string& name) {
  static const qfa::safetensors file(QFA_TEST_DATA "/pruners.safetensors");
  const qfa::stored_tensor& tensor = file.at(name);
  REQUIRE(tensor.shape.size() == 2);
  return {tensor.shape[0], tensor.shape[1], qfa::read_floats(tensor)};
}

inline constexpr const char* pruned_sparsities[] = {"0", "0.1", "0.25", "0.5", "0.9"};

}  // namespace qfa_test

#endif
