// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_NORM_HPP
#define QFA_MODEL_NORM_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/simd/kernels.hpp"

namespace qfa {

/// One norm of a decoder, ready to run: what a normalized vector is scaled by and moved by.
class norm_weights {
 public:
  norm_weights() = default;
  /// The stored norm `module`; an empty name is a norm that the model does not have.
  norm_weights(const language_model& model, const std::string& module)
      : kind_(model.config.norm), epsilon_(model.config.norm_epsilon) {
    if (module.empty()) return;
    scale_ = *model.at(module + ".weight").values;
    if (model.config.norm_adds_one)
      for (float& s : scale_)
        s += 1.0f;
    if (kind_ == norm_kind::layer) shift_ = *model.at(module + ".bias").values;
  }

  bool exists() const noexcept { return !scale_.empty(); }

  /// out = norm(x), token by token: x and out (tokens, hidden); out may be x.  Throws where there is no such norm, and
  /// for another width.
  template <class Arch = simd::best_arch>
  void operator()(matrix_view<const float> x, matrix_view<float> out) const {
    require(exists() && x.columns() == scale_.size(), "a norm takes activations as wide as its weights");
    for (std::size_t t = 0; t < x.rows(); ++t)
      one<Arch>(x.row(t), out.row(t));
  }

 private:
  template <class Arch>
  void one(std::span<const float> x, std::span<float> out) const noexcept {
    using batch = simd::floats<Arch>;
    const auto n = static_cast<double>(x.size());
    if (kind_ == norm_kind::rms) {
      const double mean_square = static_cast<double>(simd::sum_of_squares<Arch>(x)) / n;
      const batch inverse(static_cast<float>(1.0 / std::sqrt(mean_square + epsilon_)));
      simd::transform<Arch>(
          out, [&](const batch& v, const batch& s) { return (v * inverse) * s; }, x.data(), scale_.data());
    } else {
      // The mean of floats whose sum is large against their spread loses digits; what is left of it is taken out by a
      // second mean, of the differences.
      const float rough = static_cast<float>(static_cast<double>(simd::sum<Arch>(x)) / n);
      simd::transform<Arch>(
          out, [&](const batch& v) { return v - batch(rough); }, x.data());
      const float rest = static_cast<float>(static_cast<double>(simd::sum<Arch>(out)) / n);
      const double variance = static_cast<double>(simd::sum_of_squares_around<Arch>(out, rest)) / n;
      const batch inverse(static_cast<float>(1.0 / std::sqrt(variance + epsilon_)));
      simd::transform<Arch>(
          out,
          [&](const batch& v, const batch& s, const batch& b) {
            return simd::fma<Arch>((v - batch(rest)) * inverse, s, b);
          },
          out.data(), scale_.data(), shift_.data());
    }
  }

  norm_kind kind_ = norm_kind::rms;
  double epsilon_ = 0.0;
  std::vector<float> scale_;  // 1 + w where the family stores w so
  std::vector<float> shift_;  // layer norm only
};

}  // namespace qfa

#endif
