// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/restore_features.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "meaning_oracle.hpp"

namespace steering_restore_features_test {

using namespace qfa;
using qfa_test::meaning_case;

namespace {

coded_pair codes_of(const meaning_case& made) {
  const std::vector<input_frame> frames(made.x.tokens());
  return {made.x, made.y, frames, frames};
}

}  // namespace

TEST_CASE("restore_features: another program's patched activations, and what they leave of the shift") {
  const meaning_case made;
  const coded_pair codes = codes_of(made);
  const std::size_t d = made.dictionary.d_in, tokens = made.x.tokens();
  const std::vector<float> h = read_floats(made.file.at("h")), compressed = read_floats(made.file.at("h_compressed"));
  for (const json& set : qfa_test::meaning_numbers().at("a10").at("sets")) {
    const std::string name = set.at("name");
    CAPTURE(name);
    std::vector<std::uint8_t> restored(made.dictionary.d_sae, 0);
    for (const json& f : set.at("features"))
      restored[f.get<std::size_t>()] = 1;
    std::vector<float> patched = compressed;
    restore_features{made.dictionary, codes, restored, meaning_case::row_tokens, 0}({patched.data(), tokens, d});
    double remaining = 0.0;
    for (std::size_t i = 0; i < patched.size(); ++i)
      remaining += std::pow(static_cast<double>(patched[i]) - static_cast<double>(h[i]), 2);
    // Patched activations are floats, as a model takes them.
    CHECK(remaining / static_cast<double>(tokens) == doctest::Approx(set.at("remaining").get<double>()).epsilon(1e-6));
    if (name == "none" || name == "silent") {
      CHECK(patched == compressed);
      continue;
    }
    const std::vector<double> known = read_doubles(made.file.at("a10.patched." + name));
    for (std::size_t t = 0; t < meaning_case::row_tokens; ++t) {
      const std::vector<double> lacking = lacking_at(made.dictionary, codes, t, restored);
      for (std::size_t k = 0; k < d; ++k) {
        const double exact = static_cast<double>(compressed[t * d + k]) + lacking[k];
        CHECK(std::fabs(exact - known[t * d + k]) <= 1e-11 * std::fmax(1.0, std::fabs(known[t * d + k])));
        CHECK(patched[t * d + k] == static_cast<float>(exact));
      }
    }
  }
}

TEST_CASE("restore_features: skipped positions have no codes and stay as they are, and tokens' scales count") {
  sae s;
  s.d_in = 1;
  s.d_sae = 2;
  s.w_dec = {1.0f, 10.0f};
  sparse_codes x(2), y(2);
  const auto token = [](sparse_codes& to, std::vector<std::uint32_t> features, std::vector<float> values) {
    to.append_token(features, values);
  };
  token(x, {0}, {1.0f}), token(y, {}, {});  // row 0, position 1: feature 0 is missing
  token(x, {}, {}), token(y, {1}, {0.5f});  // row 1, position 1: feature 1 is a ghost
  const coded_pair codes{x, y, {{0.0f, 3.0f}, {0.0f, 1.0f}}, {{0.0f, 1.0f}, {0.0f, 2.0f}}};
  std::vector<float> h{7.0f, 7.0f, 7.0f, 7.0f};
  const std::vector<std::uint8_t> both{1, 1}, first{1, 0};
  restore_features{s, codes, both, 2, 1}({h.data(), 4, 1});
  CHECK(h == std::vector<float>{7.0f, 10.0f, 7.0f, -3.0f});
  h.assign(4, 7.0f);
  restore_features{s, codes, first, 2, 1}({h.data(), 4, 1});
  CHECK(h == std::vector<float>{7.0f, 10.0f, 7.0f, 7.0f});
  CHECK_THROWS_WITH((restore_features{s, codes, first, 2, 0}({h.data(), 4, 1})),
                    doctest::Contains("codes of the same tokens"));
}

}  // namespace steering_restore_features_test
