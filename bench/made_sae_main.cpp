// SPDX-License-Identifier: Apache-2.0
// The made-up SAEs of made_sae.hpp: how real they are, and files of them for other programs.
//   qfa_made_sae check [D FEATURES]...              quantiles, made beside measured; exits 1 where they lie apart
//   qfa_made_sae write FOLDER D FEATURES TOKENS     W_enc, b_enc, b_dec, reference and compressed (tokens, D) as .npy
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "made_sae.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/sae/encode.hpp"

namespace {

using qfa_bench::made_sae;
namespace real = qfa_bench::real;

double root_mean_square(std::span<const float> x) {
  double sum = 0.0;
  for (const float v : x)
    sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

/// numpy's quantile: linear between the two nearest.
double quantile(std::vector<double>& sorted, double level) {
  const double at = level * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// How far made may leave the measured range.
struct slack {
  double absolute = 0.0, relative = 0.0;
};

/// Prints made beside measured and counts the levels where they lie apart.
class comparison {
 public:
  template <std::size_t N>
  void operator()(const char* name, const real::table<N>& measured, std::vector<double> made, slack allowed) {
    std::sort(made.begin(), made.end());
    std::vector<double> at;
    for (const real::measured& row : measured)
      at.push_back(quantile(made, row.level));
    print(name, measured, at, allowed);
  }

  template <std::size_t N>
  void print(const char* name, const real::table<N>& measured, const std::vector<double>& made, slack allowed) {
    std::printf("\n%-18s    made   measured (least mean most)\n", name);
    for (std::size_t i = 0; i < N; ++i) {
      const real::measured& row = measured[i];
      const bool far = made[i] < row.least - allowed.absolute - allowed.relative * std::fabs(row.least) ||
                       made[i] > row.most + allowed.absolute + allowed.relative * std::fabs(row.most);
      std::printf("  %8g  %12.4g   %9.4g %9.4g %9.4g%s\n", row.level, made[i], row.least, row.mean, row.most,
                  far ? "   <- apart" : "");
      apart_ += far;
    }
  }

  int apart() const noexcept { return apart_; }

 private:
  int apart_ = 0;
};

/// The tables of measure_sae.py, of 512 features on 4,096 tokens.
int check(std::size_t d, std::size_t features) {
  const made_sae made(d, features);
  const real::rare_features& measured = made_sae::like(qfa_bench::made_options{}.l0, features);
  const qfa::sae& s = made.weights();
  constexpr std::size_t tokens = 4096, sample = 512;
  std::vector<float> u = made.inputs(tokens, 7);
  const auto codes = qfa::encoder<>(s)(qfa::matrix_view<const float>(u.data(), tokens, d));
  std::printf("\n(%zu, %zu): L0 %.1f, asked for %.1f\n", d, features,
              static_cast<double>(codes.firings()) / static_cast<double>(tokens), qfa_bench::made_options{}.l0);
  for (std::size_t i = 0; i < u.size(); ++i)
    u[i] -= s.b_dec[i % d];
  const double all = root_mean_square(u);

  std::vector<double> margins, means, fired, alignments, norms, peaks, token_norms, token_peaks, dimensions;
  std::vector<double> in_spreads(measured.near_in_spreads.size()), in_norms(measured.near_in_norms.size());
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto row = std::span(u).subspan(t * d, d);
    token_norms.push_back(root_mean_square(row) / all);
    token_peaks.push_back(static_cast<double>(qfa::simd::absmax<>(row)) / root_mean_square(row));
  }
  std::vector<float> column(tokens);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t t = 0; t < tokens; ++t)
      column[t] = u[t * d + i];
    dimensions.push_back(root_mean_square(column) / all);
  }
  std::vector<float> w(d);
  for (std::size_t n = 0; n < sample; ++n) {
    const std::size_t j = n * features / sample + 1;  // not those that the biases were set by
    for (std::size_t i = 0; i < d; ++i)
      w[i] = s.w_enc[i * features + j];
    const double norm = root_mean_square(w) * std::sqrt(static_cast<double>(d));
    norms.push_back(norm);
    peaks.push_back(static_cast<double>(qfa::simd::absmax<>(w)) / root_mean_square(w));
    std::vector<double> z(tokens);
    double sum = 0.0, squares = 0.0;
    for (std::size_t t = 0; t < tokens; ++t) {
      z[t] = static_cast<double>(qfa::simd::dot<>(std::span(u).subspan(t * d, d), w) + s.b_enc[j]);
      sum += z[t];
      squares += z[t] * z[t];
    }
    const double mean = sum / static_cast<double>(tokens);
    const double spread = std::sqrt(squares / static_cast<double>(tokens) - mean * mean);
    means.push_back(mean / spread);
    alignments.push_back(spread / (norm * all));
    for (std::size_t t = 0; t < tokens; ++t) {
      margins.push_back(z[t] / spread);
      if (z[t] > 0.0) fired.push_back(z[t] / spread);
      for (std::size_t e = 0; e < in_spreads.size(); ++e) {
        in_spreads[e] += std::fabs(z[t]) < measured.near_in_spreads[e].level * spread;
        in_norms[e] += std::fabs(z[t]) < measured.near_in_norms[e].level * token_norms[t] * all * norm;
      }
    }
  }
  for (std::size_t e = 0; e < in_spreads.size(); ++e) {
    in_spreads[e] /= static_cast<double>(fired.size());
    in_norms[e] /= static_cast<double>(fired.size());
  }
  std::vector<double> bias;
  for (const float b : s.b_dec)
    bias.push_back(std::fabs(static_cast<double>(b)) / all);
  std::vector<double> sorted = norms;
  std::sort(sorted.begin(), sorted.end());
  for (double& norm : norms)
    norm /= quantile(sorted, 0.5);

  comparison compare;
  compare("margins", measured.margins, margins, {.absolute = 0.3, .relative = 0.2});
  compare("feature_means", measured.feature_means, means, {.absolute = 0.3});
  // The long end of what fires, which no screen is asked about, is left shorter: pushes would blur what lies below.
  compare("fired_margins", measured.fired_margins, fired, {.absolute = 0.1, .relative = 0.6});
  compare.print("near_in_spreads", measured.near_in_spreads, in_spreads, {.relative = 0.25});
  compare.print("near_in_norms", measured.near_in_norms, in_norms, {.relative = 0.25});
  compare("alignments", measured.alignments, alignments, {.absolute = 0.1});
  compare("weight_norms", real::weight_norms, norms, {.absolute = 0.1});
  // Maxima grow with the number of dimensions, here 512 to 2,304 and there 64 or 128: of normal values by 1.5 at most.
  compare("weight_peaks", real::weight_peaks, peaks, {.absolute = 1.5});
  compare("token_peaks", real::token_peaks, token_peaks, {.absolute = 1.5, .relative = 0.1});
  compare("token_norms", real::token_norms, token_norms, {.absolute = 0.1, .relative = 0.3});
  compare("dimensions", real::dimensions, dimensions, {.absolute = 0.1});
  compare("decoder_bias", real::decoder_bias, bias, {.absolute = 0.1});
  std::printf("\n%d levels lie apart\n", compare.apart());
  return compare.apart();
}

void write(const std::filesystem::path& folder, std::size_t d, std::size_t features, std::size_t tokens) {
  const made_sae made(d, features);
  const qfa::sae& s = made.weights();
  const std::vector<float> x = made.inputs(tokens, 3);
  std::filesystem::create_directories(folder);
  qfa::write_npy(folder / "W_enc.npy", {d, features}, s.w_enc);
  qfa::write_npy(folder / "b_enc.npy", {features}, s.b_enc);
  qfa::write_npy(folder / "b_dec.npy", {d}, s.b_dec);
  qfa::write_npy(folder / "reference.npy", {tokens, d}, x);
  qfa::write_npy(folder / "compressed.npy", {tokens, d}, made.compressed(x, 0.1, 4));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto number = [&](std::size_t i) { return static_cast<std::size_t>(std::stoul(arguments.at(i))); };
  if (arguments.size() == 5 && arguments[0] == "write") {
    write(arguments[1], number(2), number(3), number(4));
    return EXIT_SUCCESS;
  }
  if (arguments.empty() || arguments.size() % 2 == 0 || arguments[0] != "check") {
    std::fputs("usage: qfa_made_sae check [D FEATURES]... | write FOLDER D FEATURES TOKENS\n", stderr);
    return 2;
  }
  int apart = 0;
  for (std::size_t i = 1; i < arguments.size(); i += 2)
    apart += check(number(i), number(i + 1));
  return apart == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
