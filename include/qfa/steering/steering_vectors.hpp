// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_STEERING_VECTORS_HPP
#define QFA_STEERING_STEERING_VECTORS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// A vector that steers a model where it is added to what passes at a hook, and the token by whose logit doses are
/// compared.
struct steering_vector {
  std::vector<float> values;  // (hook_width)
  std::size_t target = 0;

  double length() const noexcept {
    double squares = 0.0;
    for (const float v : values)
      squares += static_cast<double>(v) * static_cast<double>(v);
    return std::sqrt(squares);
  }
};

/// A feature's decoder row w_j, times how strongly it fires on average: dose 1 adds what the feature adds.  Throws for
/// a feature that is not there, and where W_dec is not (d_sae, d_in).
inline steering_vector feature_vector(const sae& s, std::size_t feature, double activation) {
  require(feature < s.d_sae && s.w_dec.size() == s.d_sae * s.d_in, "a feature's vector is a row of the SAE's decoder");
  steering_vector out;
  for (const float w : std::span(s.w_dec).subspan(feature * s.d_in, s.d_in))
    out.values.push_back(static_cast<float>(activation * static_cast<double>(w)));
  return out;
}

/// A vector as long as `like`, and as wide, in a random direction, all alike: the control.  A function of the seed and
/// of `number` alone.
inline steering_vector random_vector(const steering_vector& like, std::uint64_t seed, std::uint64_t number) {
  const counter_random random(seed, "steering vectors", random_use::noise);
  const std::size_t width = like.values.size();
  std::vector<double> drawn(width);
  double squares = 0.0;
  for (std::size_t i = 0; i < width; ++i) {
    drawn[i] = random.gaussian(number * width + i);
    squares += drawn[i] * drawn[i];
  }
  const double scale = squares > 0.0 ? like.length() / std::sqrt(squares) : 0.0;
  steering_vector out;
  for (const double d : drawn)
    out.values.push_back(static_cast<float>(scale * d));
  return out;
}

namespace detail {

/// body(t) for every t in [0, count), on all threads, some in a row on each.
template <class Body>
void for_each_token(std::size_t count, Body body) {
  constexpr std::size_t some = 32;
  parallel_for((count + some - 1) / some, [&](std::size_t b) {
    for (std::size_t t = b * some; t < (std::min)(count, (b + 1) * some); ++t)
      body(t);
  });
}

}  // namespace detail

/// A hook's edit (model/edited_pass.hpp): adds `dose` times a vector to every token but the first `skip_positions` of
/// each row of `row_tokens`.
struct add_vector {
  std::span<const float> vector;
  double dose = 1.0;
  std::size_t row_tokens = 1;
  std::size_t skip_positions = 0;

  /// Activations (tokens, channels).  Throws where the vector has another number of channels.
  void operator()(matrix_view<float> x) const {
    require(x.columns() == vector.size(), "a vector steers activations of its own width");
    detail::for_each_token(x.rows(), [&](std::size_t t) {
      if (t % row_tokens < skip_positions) return;
      const std::span<float> row = x.row(t);
      for (std::size_t i = 0; i < row.size(); ++i) {
        const double added = dose * static_cast<double>(vector[i]);
        row[i] = static_cast<float>(static_cast<double>(row[i]) + added);
      }
    });
  }
};

}  // namespace qfa

#endif
