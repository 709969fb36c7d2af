// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_UNLEARNED_HPP
#define QFA_SAE_UNLEARNED_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/relaxed.hpp"
#include "qfa/sae/sae.hpp"

// SAEs that have learned nothing, or not these activations: theirs is the damage that says nothing of learned features.
// Each fires as often as the trained one, by thresholds that are set on a sample.

namespace qfa {

/// What an SAE's encoder multiplies, of activations (tokens, d_in).  Throws for another width.
inline std::vector<float> encoder_inputs(const sae& s, matrix_view<const float> x) {
  require(x.columns() == s.d_in, "the inputs of an encoder are as wide as the SAE's");
  std::vector<float> out(x.rows() * s.d_in);
  for (std::size_t t = 0; t < x.rows(); ++t)
    enter_frame(s, x.row(t), frame_of(s.norm, x.row(t), t), std::span(out).subspan(t * s.d_in, s.d_in));
  return out;
}

/// Sets every feature's threshold so that it fires on the share `rates[j]` of these inputs of the encoder (tokens,
/// d_in), to the nearest number of tokens: by the bias of a ReLU, whose codes begin at 0, by the threshold of a
/// jump_relu, whose codes begin there.  Other gates are not for single features, and become jump_relu.  Throws where
/// rates or inputs are of another width, and without inputs.
inline void set_firing_rates(sae& s, matrix_view<const float> inputs, std::span<const double> rates) {
  require(rates.size() == s.d_sae && inputs.columns() == s.d_in && inputs.rows() > 0,
          "thresholds need a rate for each feature, and tokens to be set on");
  if (s.activation != activation_kind::relu && s.activation != activation_kind::jump_relu) {
    s = relaxed(std::move(s));
    s.activation = activation_kind::jump_relu;
  }
  if (s.activation == activation_kind::jump_relu) s.threshold.assign(s.d_sae, 0.0f);
  // Features in blocks: their sums lie side by side in vectors, and each adds up its own products in their order, which
  // are exact in double.  Five times as fast as one by one at 128 x 2048.
  constexpr std::size_t block = 16;
  parallel_for((s.d_sae + block - 1) / block, [&](std::size_t b) {
    const std::size_t first = b * block, count = (std::min)(block, s.d_sae - first);
    std::vector<double> columns(s.d_in * block, 0.0);
    for (std::size_t i = 0; i < s.d_in; ++i)
      for (std::size_t k = 0; k < count; ++k)
        columns[i * block + k] = static_cast<double>(s.w_enc[i * s.d_sae + first + k]);
    std::vector<float> all(block * inputs.rows());
    for (std::size_t t = 0; t < inputs.rows(); ++t) {
      const std::span<const float> u = inputs.row(t);
      std::array<double, block> sums{};
      for (std::size_t i = 0; i < s.d_in; ++i)
        for (std::size_t k = 0; k < block; ++k)
          sums[k] += static_cast<double>(u[i]) * columns[i * block + k];
      for (std::size_t k = 0; k < count; ++k)
        all[k * inputs.rows() + t] = static_cast<float>(sums[k]) + s.b_enc[first + k];
    }
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t j = first + k;
      const std::span<float> z = std::span(all).subspan(k * inputs.rows(), inputs.rows());
      const double wanted = std::clamp(rates[j], 0.0, 1.0) * static_cast<double>(z.size());
      const auto firings = (std::min)(static_cast<std::size_t>(wanted + 0.5), z.size() - 1);
      std::ranges::nth_element(z, z.begin() + static_cast<std::ptrdiff_t>(firings), std::greater<>{});
      if (s.activation == activation_kind::relu)
        s.b_enc[j] -= z[firings];  // the next below those that fire comes to 0
      else
        s.threshold[j] = z[firings];
    }
  });
}

/// An SAE of the same size with Gaussian decoder rows of length 1, its encoder their transpose, and the trained b_dec
/// and norm.  Its thresholds are still to be set.
inline sae random_sae(const sae& trained, std::uint64_t seed) {
  sae out = trained;
  if (out.activation == activation_kind::gated) out = relaxed(std::move(out));
  const counter_random random(seed, "random SAE", random_use::noise);
  out.b_enc.assign(out.d_sae, 0.0f);
  parallel_for(out.d_sae, [&](std::size_t j) {
    std::vector<double> row(out.d_in);
    double squares = 0.0;
    for (std::size_t i = 0; i < out.d_in; ++i) {
      row[i] = random.gaussian(j * out.d_in + i);
      squares += row[i] * row[i];
    }
    for (std::size_t i = 0; i < out.d_in; ++i)
      out.w_dec[j * out.d_in + i] = out.w_enc[i * out.d_sae + j] = static_cast<float>(row[i] / std::sqrt(squares));
  });
  return out;
}

/// A random rotation, (n, n): Gaussian rows made orthonormal by Gram and Schmidt, each cleared twice.
inline std::vector<double> random_rotation(std::size_t n, std::uint64_t seed) {
  const counter_random random(seed, "rotation", random_use::noise);
  std::vector<double> q(n * n);
  std::vector<double> along(n);
  for (std::size_t r = 0; r < n; ++r) {
    double* const row = q.data() + r * n;
    for (std::size_t i = 0; i < n; ++i)
      row[i] = random.gaussian(r * n + i);
    for (int twice = 0; twice < 2; ++twice) {
      parallel_for(r, [&](std::size_t k) {
        along[k] = 0.0;
        for (std::size_t i = 0; i < n; ++i)
          along[k] += q[k * n + i] * row[i];
      });
      for (std::size_t k = 0; k < r; ++k)
        for (std::size_t i = 0; i < n; ++i)
          row[i] -= along[k] * q[k * n + i];
    }
    double squares = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      squares += row[i] * row[i];
    for (std::size_t i = 0; i < n; ++i)
      row[i] /= std::sqrt(squares);
  }
  return q;
}

/// The trained SAE as if its encoder's inputs u were mean + Q (u - mean), Q a random rotation: it reads directions that
/// it did not learn, of activations as they are.  Instead of inputs the dictionary turns, e' = Q^T e, and a bias makes
/// up for the mean.  Its thresholds are still to be set.  Throws where the mean is of another width.
inline sae rotated_sae(const sae& trained, std::span<const double> mean, std::uint64_t seed) {
  require(mean.size() == trained.d_in, "an SAE is rotated about a mean of its inputs");
  sae out = trained.activation == activation_kind::gated ? relaxed(trained) : trained;
  const std::size_t d = out.d_in;
  const std::vector<double> q = random_rotation(d, seed);
  const sae from = out;
  parallel_for(out.d_sae, [&](std::size_t j) {
    std::vector<double> encoder(d, 0.0), decoder(d, 0.0);
    double bias = static_cast<double>(from.b_enc[j]);
    for (std::size_t k = 0; k < d; ++k) {
      const auto e = static_cast<double>(from.w_enc[k * from.d_sae + j]);
      const auto w = static_cast<double>(from.w_dec[j * d + k]);
      bias += e * mean[k];
      for (std::size_t i = 0; i < d; ++i) {
        encoder[i] += q[k * d + i] * e;
        decoder[i] += q[k * d + i] * w;
      }
    }
    for (std::size_t i = 0; i < d; ++i) {
      bias -= encoder[i] * mean[i];
      out.w_enc[i * out.d_sae + j] = static_cast<float>(encoder[i]);
      out.w_dec[j * d + i] = static_cast<float>(decoder[i]);
    }
    out.b_enc[j] = static_cast<float>(bias);
  });
  return out;
}

}  // namespace qfa

#endif
