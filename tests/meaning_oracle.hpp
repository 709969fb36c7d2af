// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MEANING_ORACLE_HPP
#define QFA_TESTS_MEANING_ORACLE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa_test {

/// tests/data/analyses.json: what an independent program made of the definitions.
inline const qfa::json& meaning_numbers() {
  static const qfa::json numbers = qfa::read_json(std::filesystem::path(QFA_TEST_DATA) / "analyses.json");
  return numbers;
}

/// A list there; null, which stands for "undefined", is NaN.
inline std::vector<double> meaning_doubles(const qfa::json& list) {
  std::vector<double> out;
  for (const qfa::json& x : list)
    out.push_back(x.is_null() ? std::numeric_limits<double>::quiet_NaN() : x.get<double>());
  return out;
}

/// tests/data/analyses.safetensors: 16 rows of 50 tokens, with the codes of 40 features on both sides.
struct meaning_case {
  static constexpr std::size_t rows = 16, row_tokens = 50;

  qfa::safetensors file{std::filesystem::path(QFA_TEST_DATA) / "analyses.safetensors"};
  qfa::sae dictionary{};
  std::vector<std::uint32_t> tokens{};  // (rows, row_tokens)
  qfa::sparse_codes x = codes("x");
  qfa::sparse_codes y = codes("y");

  meaning_case() {
    const auto& decoder = file.at("decoder");
    dictionary.d_sae = decoder.shape.at(0);
    dictionary.d_in = decoder.shape.at(1);
    dictionary.w_dec = qfa::read_floats(decoder);
    for (const std::int64_t id : qfa::read_integers(file.at("tokens")))
      tokens.push_back(static_cast<std::uint32_t>(id));
  }

  qfa::sparse_codes codes(const std::string& side) const {
    const auto begin = qfa::read_integers(file.at(side + ".begin"));
    const auto features = qfa::read_integers(file.at(side + ".features"));
    const auto values = qfa::read_floats(file.at(side + ".values"));
    qfa::sparse_codes out(40);
    for (std::size_t t = 0; t + 1 < begin.size(); ++t) {
      for (auto i = static_cast<std::size_t>(begin[t]); i < static_cast<std::size_t>(begin[t + 1]); ++i)
        out.push(static_cast<std::uint32_t>(features[i]), values[i]);
      out.end_token();
    }
    return out;
  }

  /// The tokens of whole rows.
  static qfa::sparse_codes rows_of(const qfa::sparse_codes& codes, std::size_t first, std::size_t last) {
    qfa::sparse_codes out(codes.width());
    for (std::size_t t = first * row_tokens; t < last * row_tokens; ++t)
      out.append_token(codes[t].features, codes[t].values);
    return out;
  }

  static std::vector<std::uint64_t> firings(const qfa::sparse_codes& codes) {
    std::vector<std::uint64_t> out(codes.width(), 0);
    for (std::size_t t = 0; t < codes.tokens(); ++t)
      for (const std::uint32_t j : codes[t].features)
        ++out[j];
    return out;
  }
};

}  // namespace qfa_test

#endif
