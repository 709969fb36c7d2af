// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SAE_FORMATS_HPP
#define QFA_TESTS_SAE_FORMATS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/safetensors.hpp"
#include "qfa/sae/sae.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// Where data/make_sae_formats.py wrote its SAEs.
inline const std::filesystem::path sae_formats = std::filesystem::path(QFA_TEST_DATA) / "sae_formats";

/// Codes and reconstruction of one token by the definitions in sae.hpp, in double, one number at a time.
struct plain_sae {
  std::vector<double> codes;
  std::vector<double> reconstruction;

  plain_sae(const qfa::sae& s, std::vector<double> x) : codes(s.d_sae), reconstruction(s.d_in) {
    const auto at = [](const std::vector<float>& values, std::size_t i) { return static_cast<double>(values[i]); };
    const auto d = static_cast<double>(s.d_in);
    double mean = 0.0;
    double scale = 1.0;
    if (s.norm == qfa::input_norm::constant_norm_rescale) {
      double squares = 0.0;
      for (const double v : x)
        squares += v * v;
      scale = std::sqrt(squares) / std::sqrt(d);
      for (double& v : x)
        v /= scale;
    } else if (s.norm == qfa::input_norm::layer_norm) {
      for (const double v : x)
        mean += v / d;
      double squares = 0.0;
      for (double& v : x) {
        v -= mean;
        squares += v * v;
      }
      scale = std::sqrt(squares / (d - 1.0));
      for (double& v : x)
        v /= scale + 1e-5;
    }
    if (s.apply_b_dec_to_input)
      for (std::size_t i = 0; i < s.d_in; ++i)
        x[i] -= at(s.b_dec, i);
    for (std::size_t j = 0; j < s.d_sae; ++j) {
      double u = 0.0;
      for (std::size_t i = 0; i < s.d_in; ++i)
        u += x[i] * at(s.w_enc, i * s.d_sae + j);
      const double z = u + at(s.b_enc, j);
      codes[j] = z;
      if (s.activation == qfa::activation_kind::jump_relu && !(z > at(s.threshold, j))) codes[j] = 0.0;
      if (s.activation == qfa::activation_kind::gated)
        codes[j] = z > 0.0 ? std::exp(at(s.r_mag, j)) * u + at(s.b_mag, j) : 0.0;
    }
    if (s.activation == qfa::activation_kind::top_k) {
      std::vector<double> sorted = codes;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      for (double& z : codes)
        if (z < sorted[s.k - 1]) z = 0.0;
    }
    for (double& z : codes)
      z = z > 0.0 ? z : 0.0;
    for (std::size_t i = 0; i < s.d_in; ++i) {
      double y = at(s.b_dec, i);
      for (std::size_t j = 0; j < s.d_sae; ++j)
        y += codes[j] * at(s.w_dec, j * s.d_in + i);
      reconstruction[i] = y * scale + mean;
    }
  }
};

/// Checks that a loaded SAE makes of the inputs in `<name>.expected.safetensors` what its own library makes of them.
inline void check_expected(const qfa::sae& s, const std::string& name) {
  CAPTURE(name);
  const qfa::safetensors expected(sae_formats / (name + ".expected.safetensors"));
  const std::vector<double> x = qfa::read_doubles(expected.at("x"));
  const std::vector<double> codes = qfa::read_doubles(expected.at("codes"));
  const std::vector<double> reconstruction = qfa::read_doubles(expected.at("reconstruction"));
  REQUIRE(x.size() % s.d_in == 0);
  const std::size_t tokens = x.size() / s.d_in;
  REQUIRE(tokens > 0);
  REQUIRE(codes.size() == tokens * s.d_sae);
  std::size_t firings = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto row = [&](const std::vector<double>& all, std::size_t width) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(t * width);
      return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(width));
    };
    const plain_sae made(s, row(x, s.d_in));
    const std::vector<double> wanted = row(codes, s.d_sae);
    for (std::size_t j = 0; j < s.d_sae; ++j) {
      CAPTURE(t);
      CAPTURE(j);
      CHECK((made.codes[j] > 0.0) == (wanted[j] > 0.0));
      CHECK(std::fabs(made.codes[j] - wanted[j]) <= 3e-6 * (1.0 + std::fabs(wanted[j])));
      if (wanted[j] > 0.0) ++firings;
    }
    const std::vector<double> output = row(reconstruction, s.d_in);
    for (std::size_t i = 0; i < s.d_in; ++i)
      CHECK(std::fabs(made.reconstruction[i] - output[i]) <= 1e-5 * (1.0 + std::fabs(output[i])));
  }
  CHECK(firings > 0);
  CHECK(firings < codes.size());
}

/// A copy of one of these SAEs, for a test to spoil.
inline std::filesystem::path copy_of(const std::filesystem::path& name, const scratch& here) {
  const std::filesystem::path to = here.path() / name;
  std::filesystem::create_directories(to.parent_path());
  std::filesystem::copy(sae_formats / name, to, std::filesystem::copy_options::recursive);
  return to;
}

/// Puts `now` in the place of `then`, once, in a file.
inline void replace_in(const std::filesystem::path& file, const std::string& then, const std::string& now) {
  std::string text = slurp(file);
  const std::size_t at = text.find(then);
  REQUIRE(at != std::string::npos);
  text.replace(at, then.size(), now);
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace qfa_test

#endif
