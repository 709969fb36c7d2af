// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BENCH_MADE_SAE_HPP
#define QFA_BENCH_MADE_SAE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "qfa/compress/hadamard.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/simd/kernels.hpp"
#include "real_sae.hpp"

namespace qfa_bench {

struct made_options {
  double l0 = 82.0;      ///< features that fire on a token, on average
  bool massive = false;  ///< one dimension as large as gemma-3-1b's, after b_dec
  qfa::activation_kind activation = qfa::activation_kind::relu;
  std::uint64_t seed = 1;
};

/// A made-up SAE of a real one's size, and activations for it, whose pre-activations lie about the threshold as those
/// of real SAEs do (real_sae.hpp; `qfa_made_sae check` prints made beside measured).
///
/// What a screen can decide depends on how many pre-activations lie just below the threshold.  Normal ones, as random
/// weights give, are too few there by half within 0.2 standard deviations and by two thirds within 1: real ones have a
/// long lower and a short upper tail.  So each feature looks away from three of many one-sided sources (exponentials,
/// as topics that most tokens do not have), which all but makes its pre-activation -gamma(3); the rest of its weights
/// is random.  A background that it does not see makes up the rest of the activations' energy.  Some features that are
/// close to firing are then pushed over the threshold along their own direction: the upper tail of what fires.
///
/// All of it is drawn in the sources' own axes and rotated by two rounds of signs and Hadamard transforms; then a
/// dimension of the activations is scaled by its measured size, and the encoder's row by the reciprocal, which leaves
/// every product as it was.
class made_sae {
 public:
  /// d is a multiple of 256; 12 divides it or nearly.
  made_sae(std::size_t d, std::size_t features, const made_options& options = {})
      : options_(options),
        measured_(like(options.l0, features)),
        random_(options.seed),
        sources_(d / 12),
        background_(d / 8),
        scales_(scales_of_dimensions(d)),
        alignment_(features),
        own_sources_(features) {
    qfa::require(d % 256 == 0 && features >= 512, "made_sae makes widths that are multiples of 256");
    draw_rotation(d);
    s_.activation = options.activation;
    s_.d_in = d;
    s_.d_sae = features;
    s_.k = static_cast<std::size_t>(options.l0);
    s_.b_dec = draw_decoder_bias();
    draw_weights();
    set_biases();
  }

  const qfa::sae& weights() const noexcept { return s_; }

  /// Activations (tokens, d), row-major; the same ones for the same seed.
  std::vector<float> inputs(std::size_t tokens, std::uint64_t seed) const {
    std::mt19937_64 random(seed);
    std::vector<float> x(tokens * s_.d_in);
    std::vector<double> u(s_.d_in);
    for (std::size_t t = 0; t < tokens; ++t) {
      draw_token(random, u);
      for (std::size_t i = 0; i < u.size(); ++i)
        x[t * u.size() + i] = static_cast<float>(u[i] + static_cast<double>(s_.b_dec[i]));
    }
    return x;
  }

  /// What a compressed model might make of x: an error of `relative` of the activations' size in each dimension.
  std::vector<float> compressed(std::span<const float> x, double relative, std::uint64_t seed) const {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0.0, relative);
    std::vector<float> out(x.begin(), x.end());
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] += static_cast<float>(normal(random) * scales_[i % s_.d_in]);
    return out;
  }

  /// The measured features that are as rare.
  static const real::rare_features& like(double l0, std::size_t features) {
    return l0 / static_cast<double>(features) > 0.00375 ? real::half_percent : real::quarter_percent;
  }

 private:
  static constexpr std::size_t own = 3;              // sources that a feature looks away from
  static constexpr double source_energy = 0.3;       // of the activations'; the background has 0.55
  static constexpr double background_energy = 0.55;  // what is left belongs to the pushes
  static constexpr double steady = 0.98;             // share of a pre-activation's variance that its sources have
  static constexpr double push = 1.5;                // mean of the exponential push, in standard deviations
  static constexpr double close_to_firing = 1.102;   // a gamma(3) is less in one case of ten
  static constexpr double massive_scale = 29.2;      // gemma-3-1b: 22.1 of the whole, 29.2 of all others

  /// The measured quantile at `level`, linear in between.
  template <std::size_t N>
  static double quantile(const real::table<N>& measured, double level) {
    std::size_t i = 1;
    while (i + 1 < N && measured[i].level < level)
      ++i;
    const auto& a = measured[i - 1];
    const auto& b = measured[i];
    return a.mean + (b.mean - a.mean) * std::clamp((level - a.level) / (b.level - a.level), 0.0, 1.0);
  }

  template <std::size_t N>
  double draw(const real::table<N>& measured) {
    return quantile(measured, std::uniform_real_distribution<double>()(random_));
  }

  std::vector<double> scales_of_dimensions(std::size_t d) {
    std::vector<double> scales(d);
    double squares = 0.0;
    for (std::size_t i = 0; i < d; ++i) {
      scales[i] = quantile(real::dimensions, (static_cast<double>(i) + 0.5) / static_cast<double>(d));
      squares += scales[i] * scales[i];
    }
    for (double& scale : scales)
      scale /= std::sqrt(squares / static_cast<double>(d));
    std::shuffle(scales.begin(), scales.end(), random_);
    if (options_.massive) scales[d / 3] = massive_scale;
    return scales;
  }

  void draw_rotation(std::size_t d) {
    for (std::vector<double>& round : signs_) {
      round.resize(d);
      for (double& sign : round)
        sign = (random_() & 1) != 0 ? 1.0 : -1.0;
    }
    places_.resize(d);
    std::iota(places_.begin(), places_.end(), std::size_t{0});
    std::shuffle(places_.begin(), places_.end(), random_);
  }

  std::vector<float> draw_decoder_bias() {
    std::vector<float> bias(s_.d_in);
    for (std::size_t i = 0; i < bias.size(); ++i) {
      const double sign = (random_() & 1) != 0 ? 1.0 : -1.0;
      bias[i] = static_cast<float>(sign * draw(real::decoder_bias) * (scales_[i] == massive_scale ? scales_[i] : 1.0));
    }
    return bias;
  }

  void rotate(std::span<double> x) const {
    const std::size_t block = qfa::largest_power_of_two_in(x.size());
    std::vector<double> moved(x.size());
    for (const std::vector<double>& round : signs_) {
      for (std::size_t i = 0; i < x.size(); ++i)
        moved[places_[i]] = x[i] * round[i];
      for (std::size_t first = 0; first < x.size(); first += block)
        qfa::walsh_hadamard(std::span(moved).subspan(first, block));
      for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = moved[i] / std::sqrt(static_cast<double>(block));
    }
  }

  /// The share of the firings that are pushed.  A push moves all other features a little, by less where there are more
  /// dimensions; too many would make their pre-activations normal again.
  double pushed() const { return (std::min)(0.3, (static_cast<double>(s_.d_in) - 320.0) / 6400.0); }

  double source_spread() const {
    return std::sqrt(source_energy * static_cast<double>(s_.d_in) / static_cast<double>(sources_));
  }

  /// Weights without their norm and their scale per dimension stand in w_dec: the direction that raises a feature.
  void draw_weights() {
    const std::size_t d = s_.d_in, features = s_.d_sae;
    s_.w_enc.resize(d * features);
    s_.w_dec.resize(d * features);
    s_.b_enc.resize(features);
    std::normal_distribution<double> normal;
    std::vector<double> w(d);
    for (std::size_t j = 0; j < features; ++j) {
      alignment_[j] = draw(measured_.alignments);
      const double toward = std::sqrt(steady / static_cast<double>(own)) * alignment_[j] / source_spread();
      std::fill(w.begin(), w.end(), 0.0);
      double squares = 0.0;
      for (std::size_t i = sources_ + background_; i < d; ++i) {
        w[i] = normal(random_);
        squares += w[i] * w[i];
      }
      const double rest = std::sqrt((1.0 - static_cast<double>(own) * toward * toward) / squares);
      for (std::size_t i = sources_ + background_; i < d; ++i)
        w[i] *= rest;
      for (std::size_t k = 0; k < own; ++k) {
        std::size_t source = random_() % sources_;
        while (w[source] != 0.0)
          source = random_() % sources_;
        w[source] = -toward;
        own_sources_[j][k] = source;
      }
      rotate(w);
      const double norm = draw(real::weight_norms);
      for (std::size_t i = 0; i < d; ++i) {
        s_.w_dec[j * d + i] = static_cast<float>(w[i] * scales_[i]);
        s_.w_enc[i * features + j] = static_cast<float>(norm * w[i] / scales_[i]);
      }
      s_.b_enc[j] = static_cast<float>(norm);  // until set_biases
    }
  }

  /// One token's activations less b_dec.
  void draw_token(std::mt19937_64& random, std::span<double> u) const {
    std::normal_distribution<double> normal;
    std::exponential_distribution<double> exponential;
    std::uniform_real_distribution<double> uniform;
    std::vector<double> source(sources_);
    for (std::size_t k = 0; k < sources_; ++k) {
      source[k] = exponential(random);
      u[k] = source_spread() * (source[k] - 1.0);
    }
    const double spread =
        std::sqrt(background_energy * static_cast<double>(u.size()) / static_cast<double>(background_));
    for (std::size_t i = sources_; i < u.size(); ++i)
      u[i] = i < sources_ + background_ ? spread * normal(random) : 0.0;
    rotate(u);
    for (std::size_t i = 0; i < u.size(); ++i)
      u[i] *= scales_[i];

    for (int left = std::poisson_distribution<int>(pushed() * options_.l0)(random); left > 0;) {
      const std::size_t j = random() % s_.d_sae;
      double away = 0.0;
      for (const std::size_t k : own_sources_[j])
        away += source[k];
      if (away > close_to_firing) continue;
      const double raised = (0.1 + push * exponential(random)) * alignment_[j];
      for (std::size_t i = 0; i < u.size(); ++i)
        u[i] += raised * static_cast<double>(s_.w_dec[j * u.size() + i]);
      --left;
    }
    // Sources and pushes already spread the norms by half of what was measured.
    const double norm = std::sqrt(quantile(real::token_norms, uniform(random)));
    for (double& x : u)
      x *= norm;
  }

  /// Each feature's bias puts its mean where a real one lies, all of them together so that l0 fire on a token: found on
  /// 512 features and 2,048 tokens.
  void set_biases() {
    constexpr std::size_t tokens = 2048, sample = 512;
    const std::size_t d = s_.d_in, features = s_.d_sae;
    std::vector<float> u = inputs(tokens, options_.seed + 1);
    for (std::size_t i = 0; i < u.size(); ++i)
      u[i] -= s_.b_dec[i % d];
    std::vector<double> mean_of(features);
    for (double& mean : mean_of)
      mean = draw(measured_.feature_means);
    std::vector<float> w(d);
    std::vector<double> margins;
    double spread_over_alignment = 0.0;
    for (std::size_t n = 0; n < sample; ++n) {
      const std::size_t j = n * features / sample;
      for (std::size_t i = 0; i < d; ++i)
        w[i] = s_.w_enc[i * features + j];
      std::vector<double> z(tokens);
      double sum = 0.0, squares = 0.0;
      for (std::size_t t = 0; t < tokens; ++t) {
        z[t] = static_cast<double>(qfa::simd::dot<>(std::span(u).subspan(t * d, d), w));
        sum += z[t];
        squares += z[t] * z[t];
      }
      const double mean = sum / static_cast<double>(tokens);
      const double spread = std::sqrt(squares / static_cast<double>(tokens) - mean * mean);
      spread_over_alignment += spread / (alignment_[j] * static_cast<double>(s_.b_enc[j]));
      for (const double value : z)
        margins.push_back(value / spread + mean_of[j]);
    }
    spread_over_alignment /= static_cast<double>(sample);
    const auto cut = margins.end() - static_cast<std::ptrdiff_t>(static_cast<double>(margins.size()) * options_.l0 /
                                                                 static_cast<double>(features));
    std::nth_element(margins.begin(), cut, margins.end());
    for (std::size_t j = 0; j < features; ++j) {
      const double spread = spread_over_alignment * alignment_[j] * static_cast<double>(s_.b_enc[j]);
      s_.b_enc[j] = static_cast<float>((mean_of[j] - *cut) * spread);
      if (s_.activation == qfa::activation_kind::jump_relu) {
        s_.threshold.push_back(static_cast<float>(0.5 * spread));
        s_.b_enc[j] += s_.threshold[j];
      }
    }
  }

  made_options options_;
  const real::rare_features& measured_;
  std::mt19937_64 random_;
  qfa::sae s_;
  std::size_t sources_, background_;
  std::vector<double> scales_;     // (d): the size of a dimension of the activations
  std::vector<double> alignment_;  // (features): standard deviation of w u, |w| = 1
  std::vector<std::array<std::size_t, own>> own_sources_;
  std::array<std::vector<double>, 2> signs_;
  std::vector<std::size_t> places_;
};

}  // namespace qfa_bench

#endif
