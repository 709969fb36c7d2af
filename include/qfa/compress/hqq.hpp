// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_HQQ_HPP
#define QFA_COMPRESS_HQQ_HPP

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// Half-quadratic quantization (Badri and Shaji, 2023; HQQ's code as of e0b1d00), its zero points optimized so that the
/// error has a small p-norm, p < 1: heavy tails may stay wrong.
///
///   m = min((2^bits - 1) / (max - min), 2e4), 1 where max - min <= 1e-4;  z = -min m, rounded with round_zero
///   up to `iterations` times, for all groups alike:
///     q = clamp(half_even(w m + z), 0, 2^bits - 1)
///     r = w - (q - z) / m,  e = sign(r) max(|r| - |r|^(p - 1) / beta, 0)
///     z = mean over the group of q - (w - e) m
///     and it ends once the mean of |r| over the matrix is not below the least so far; z stays as just computed
///   w <- (q - z) / m
///
/// axis 1 cuts the matrix, read row by row, into runs of `group` weights; axis 0 into as many groups of every
/// (size / group)-th weight.  All is double here, sums run through a group and then over groups in order; the library
/// computes in fp16 on CUDA, which nobody can reproduce to the bit.
struct hqq {
  int bits = 4;
  std::size_t group = 64;
  int axis = 1;
  int iterations = 20;
  double p = 0.7;
  double beta = 10.0;
  bool round_zero = false;

  /// Throws on weights that are not finite, and where `group` does not divide their number; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    if (weights.size() % group != 0)
      fail("hqq cuts a matrix into whole groups of " + std::to_string(group) + " weights, which the " +
           std::to_string(weights.size()) + " of " + quoted(info) + " are not");
    finite_row_peaks(weights, info);
    if (weights.empty()) return;

    std::vector<state> groups(weights.size() / group);
    for_each_block(groups.size(), [&](std::size_t g) {
      const auto w = members(weights, g);
      const auto [low, high] = std::minmax_element(w.begin(), w.end());
      const double width = *high - *low;
      groups[g].inverse = width <= 1e-4 ? 1.0 : (std::min)(highest() / width, 2e4);
      groups[g].zero = -*low * groups[g].inverse;
      if (round_zero) groups[g].zero = std::nearbyint(groups[g].zero);
    });
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < iterations; ++i) {
      for_each_block(groups.size(), [&](std::size_t g) { improve(groups[g], members(weights, g)); });
      double sum = 0.0;
      for (const state& s : groups)
        sum += s.error;
      if (!(sum < least)) break;
      least = sum;
    }
    for_each_block(groups.size(), [&](std::size_t g) {
      std::vector<double> q = codes(groups[g], members(weights, g));
      for (std::size_t i = 0; i < group; ++i) {
        const std::size_t at = place(weights, g, i);
        weights(at / weights.columns(), at % weights.columns()) =
            static_cast<float>((q[i] - groups[g].zero) / groups[g].inverse);
      }
    });
  }

  /// The codes, and for each group a scale and a zero in fp16, which HQQ computes in.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    const std::size_t size = rows * columns;
    return static_cast<double>(size) * bits + static_cast<double>(block_count(size, group)) * 32.0;
  }

  static constexpr std::string_view spec_name = "hqq";
  static constexpr std::string_view summary = "half-quadratic quantization: float zero points fitted without data";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &hqq::bits, "1 to 8"},
                      field{"group", &hqq::group, "weights in a group"},
                      field{"axis", &hqq::axis, "1: neighbors along the rows form a group; 0: weights far apart do"},
                      field{"iterations", &hqq::iterations, "steps of the optimization at most, 0 for none"},
                      field{"p", &hqq::p, "the norm of the error that is made small, above 0 and at most 1"},
                      field{"beta", &hqq::beta, "the weight of the quadratic half, above 0"},
                      field{"round_zero", &hqq::round_zero, "whether zero points start as integers"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 1 to 8, an empty group, an axis that is not 0 or 1, negative iterations, p outside (0, 1],
  /// and beta not above 0.
  void validate() const {
    if (bits < 1 || bits > 8) fail("hqq's bits must lie between 1 and 8, not be " + std::to_string(bits));
    if (group == 0) fail("hqq's group must have at least one weight");
    if (axis != 0 && axis != 1) fail("hqq's axis must be 0 or 1, not " + std::to_string(axis));
    if (iterations < 0) fail("hqq's iterations must not be negative");
    if (!(p > 0.0 && p <= 1.0)) fail("hqq's p must be above 0 and at most 1, not " + value_to_text(p));
    if (!(beta > 0.0)) fail("hqq's beta must be above 0, not " + value_to_text(beta));
  }

 private:
  struct state {
    double inverse = 1.0;  ///< m
    double zero = 0.0;
    double error = 0.0;  ///< sum of |r| in the last iteration
  };

  double highest() const noexcept { return static_cast<double>((1 << bits) - 1); }

  /// Where weight i of group g stands in the matrix read row by row.
  std::size_t place(matrix_view<const float> weights, std::size_t g, std::size_t i) const noexcept {
    return axis == 1 ? g * group + i : i * (weights.size() / group) + g;
  }
  std::vector<double> members(matrix_view<const float> weights, std::size_t g) const {
    std::vector<double> w(group);
    for (std::size_t i = 0; i < group; ++i) {
      const std::size_t at = place(weights, g, i);
      w[i] = static_cast<double>(weights(at / weights.columns(), at % weights.columns()));
    }
    return w;
  }

  /// Threads take groups by blocks of about 4096 weights, some tens of microseconds of work.
  template <class Body>
  void for_each_block(std::size_t groups, Body body) const {
    const std::size_t block = std::max<std::size_t>(1, 4096 / group);
    parallel_for(block_count(groups, block), [&](std::size_t b) {
      for (std::size_t g = b * block; g < (std::min)(groups, (b + 1) * block); ++g)
        body(g);
    });
  }

  /// Products are stored before anything is added to them, so that no compiler fuses the two: the fence makes it so.
  static void multiply(std::vector<double>& xs, double by) noexcept {
    for (double& x : xs)
      x *= by;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  std::vector<double> codes(const state& s, std::vector<double> w) const {
    multiply(w, s.inverse);
    for (double& x : w)
      x = std::clamp(std::nearbyint(x + s.zero), 0.0, highest());
    return w;
  }

  void improve(state& s, std::vector<double> w) const {
    const std::vector<double> q = codes(s, w);
    s.error = 0.0;
    for (std::size_t i = 0; i < group; ++i) {
      const double r = w[i] - (q[i] - s.zero) / s.inverse;
      const double size = std::fabs(r);
      s.error += size;
      // An error of 0 is left alone: its power is infinite.
      const double kept = size == 0.0 ? 0.0 : (std::max)(size - std::pow(size, p - 1.0) / beta, 0.0);
      w[i] -= r < 0.0 ? -kept : kept;
    }
    multiply(w, s.inverse);
    double sum = 0.0;
    for (std::size_t i = 0; i < group; ++i)
      sum += q[i] - w[i];
    s.zero = sum / static_cast<double>(group);
  }
};

static_assert(described_policy<hqq> && named_policy<hqq>);

}  // namespace qfa

#endif
