// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_AUDIT_MADE_UP_HPP
#define QFA_TESTS_AUDIT_MADE_UP_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "qfa/audit/model_audit.hpp"
#include "qfa/model/load.hpp"

namespace qfa_test {

/// A ReLU SAE of 2 d features that loses nothing: f = (max(x, 0), max(-x, 0)), x = f+ - f-.
inline qfa::sae lossless_sae(std::size_t d) {
  qfa::sae s;
  s.d_in = d;
  s.d_sae = 2 * d;
  s.w_enc.assign(d * 2 * d, 0.0f);
  s.w_dec.assign(2 * d * d, 0.0f);
  for (std::size_t i = 0; i < d; ++i) {
    s.w_enc[i * 2 * d + i] = s.w_dec[i * d + i] = 1.0f;
    s.w_enc[i * 2 * d + d + i] = s.w_dec[(d + i) * d + i] = -1.0f;
  }
  s.b_enc.assign(2 * d, 0.0f);
  s.b_dec.assign(d, 0.0f);
  s.metadata.hook = "blocks.1.hook_resid_post";
  return s;
}

inline qfa::language_model tiny_model(const std::string& family = "gpt_neox") {
  return qfa::load_model(std::filesystem::path(QFA_TEST_DATA) / "models" / family);
}

/// Rows of random tokens below `vocabulary`.
inline qfa::token_rows random_rows(std::size_t rows, std::size_t context, std::uint32_t vocabulary, unsigned seed = 3) {
  std::mt19937 random(seed);
  qfa::token_rows out{.context = context};
  for (std::size_t i = 0; i < rows * context; ++i)
    out.ids.push_back(static_cast<std::uint32_t>(random() % vocabulary));
  return out;
}

inline qfa::audit_settings tiny_settings(const qfa::protocol& rules = qfa::honest) {
  qfa::audit_settings s;
  s.rules = rules;
  s.hook = "blocks.1.hook_resid_post";
  s.context = 12;
  return s;
}

/// An audit of the tiny GPT-NeoX model on 40 rows of 12 tokens, the reference run.
inline qfa::model_audit tiny_audit(const qfa::audit_options& options = {},
                                   qfa::audit_settings settings = tiny_settings(), std::size_t rows = 40) {
  return qfa::model_audit(tiny_model(), lossless_sae(64), random_rows(rows, settings.context, 97), settings, options);
}

/// Activations (tokens, width) of which every value is different.
inline std::vector<float> random_activations(std::size_t tokens, std::size_t width, unsigned seed = 5) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(tokens * width);
  for (float& x : out)
    x = normal(random);
  return out;
}

/// The same, moved a little.
inline std::vector<float> shaken(std::vector<float> x, float by, unsigned seed = 6) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (float& v : x)
    v += by * normal(random);
  return x;
}

}  // namespace qfa_test

#endif
