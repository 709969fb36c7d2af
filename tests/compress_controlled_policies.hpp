// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_COMPRESS_CONTROLLED_POLICIES_HPP
#define QFA_TESTS_COMPRESS_CONTROLLED_POLICIES_HPP

#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "compress_matrices.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/calibration.hpp"
#include "qfa/compress/linear_input.hpp"
#include "qfa/core/error.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// Adds to each weight of column c the sum of |x_c| over the calibration tokens.
struct calibrated_shift {
  void operator()(qfa::matrix_view<float> w, const qfa::tensor_info&, const qfa::calibration& known) const {
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (std::size_t c = 0; c < w.columns(); ++c)
        w(r, c) += static_cast<float>(known.inputs.sum_abs()[c]);
  }
  qfa::calibration_needs needs() const { return {.channels = true}; }
  std::string name() const { return "calibrated_shift"; }
};

/// Doubles weights and activations.
struct doubles_both {
  void operator()(qfa::matrix_view<float> w) const { twice(w); }
  void activations(qfa::matrix_view<float> x, const qfa::linear_input&) const { twice(x); }
  std::string name() const { return "doubles_both"; }

 private:
  static void twice(qfa::matrix_view<float> m) {
    for (std::size_t r = 0; r < m.rows(); ++r)
      for (float& x : m.row(r))
        x *= 2.0f;
  }
};

/// Changes the weights, then throws.
struct gives_up {
  void operator()(qfa::matrix_view<float> w) const {
    w(0, 0) = 77.0f;
    qfa::fail("gives up");
  }
  std::string name() const { return "gives_up"; }
};

/// Is of another model, whatever the model.
struct of_another_model {
  void operator()(qfa::matrix_view<float>) const {}
  void check_tensors(std::span<const qfa::tensor_info> chosen) const {
    qfa::fail("of another model than the one with " + std::to_string(chosen.size()) + " matrices");
  }
  std::string name() const { return "of_another_model"; }
};

/// Input statistics of one token 0, 1, 2 ...
inline qfa::calibration counting_inputs(std::size_t channels) {
  std::vector<float> token(channels);
  for (std::size_t c = 0; c < channels; ++c)
    token[c] = static_cast<float>(c);
  qfa::calibration known{.inputs = qfa::input_statistics(channels)};
  known.inputs(qfa::matrix_view<const float>(token.data(), 1, channels));
  return known;
}

/// What every control owes: it asks for the calibration its policy needs and hands it on, refuses the tensors that its
/// policy refuses, leaves the weights alone where the policy throws, refuses one that changes activations, changes
/// nothing where the policy changes nothing, and has no stored bits.  `make(policy)` is the control of it.
template <class Make>
void check_control_laws(Make make) {
  const auto calibrated = make(qfa::any_policy(calibrated_shift{}));
  CHECK(qfa::needs_of(calibrated) == qfa::calibration_needs{.channels = true});
  matrix w = random_matrix(6, 16);
  const matrix before = w;
  check_refused([&] { qfa::apply_policy(calibrated, w.view(), {.name = "k"}); }, {"\"k\"", "calibration"});
  CHECK(same_bits(w.values, before.values));
  const qfa::calibration known = counting_inputs(16);
  qfa::apply_policy(calibrated, w.view(), {.name = "k"}, &known);
  CHECK_FALSE(same_bits(w.values, before.values));

  w = before;
  check_refused([&] { qfa::apply_policy(make(qfa::any_policy(gives_up{})), w.view(), {}); }, {"gives up"});
  CHECK(same_bits(w.values, before.values));
  check_refused([&] { qfa::apply_policy(make(qfa::any_policy(doubles_both{})), w.view(), {}); },
                {"doubles_both", "changes activations"});
  check_refused([&] { make(qfa::any_policy(doubles_both{})).validate(); }, {"changes activations"});

  const std::vector<qfa::tensor_info> chosen{{.name = "k"}, {.name = "v"}};
  check_refused([&] { qfa::check_tensors(make(qfa::any_policy(of_another_model{})), chosen); }, {"with 2 matrices"});

  w.values.front() = -0.0f;
  const matrix signed_zero = w;
  qfa::apply_policy(make(qfa::any_policy()), w.view(), {});
  CHECK(same_bits(w.values, signed_zero.values));
  CHECK_FALSE(qfa::stored_bits_of(make(qfa::any_policy()), 6, 16, {}).has_value());
}

}  // namespace qfa_test

#endif
