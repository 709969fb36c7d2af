// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SHIFT_ORACLE_HPP
#define QFA_TESTS_SHIFT_ORACLE_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa_test {

/// What tests/data/analyses.* hold of shifts and of damage by token: 16 rows of 50 tokens, 12 wide, 40 features.
class shift_oracle {
 public:
  static constexpr std::size_t rows = 16, length = 50, tokens = rows * length, features = 40, width = 12;

  shift_oracle()
      : results(qfa::read_json(std::filesystem::path(QFA_TEST_DATA) / "analyses.json")),
        file_(std::filesystem::path(QFA_TEST_DATA) / "analyses.safetensors") {
    dictionary.d_in = width;
    dictionary.d_sae = features;
    dictionary.w_dec = floats("decoder");
    dictionary.b_dec = floats("decoder_bias");
  }

  std::vector<float> floats(const std::string& name) const { return qfa::read_floats(file_.at(name)); }
  std::vector<double> doubles(const std::string& name) const { return qfa::read_doubles(file_.at(name)); }
  std::vector<std::int64_t> integers(const std::string& name) const { return qfa::read_integers(file_.at(name)); }

  /// The codes of "x" or "y".
  qfa::sparse_codes codes(const std::string& side) const {
    const auto begin = integers(side + ".begin"), feature = integers(side + ".features");
    const std::vector<float> values = floats(side + ".values");
    qfa::sparse_codes out(features);
    for (std::size_t t = 0; t + 1 < begin.size(); ++t) {
      for (auto i = static_cast<std::size_t>(begin[t]); i < static_cast<std::size_t>(begin[t + 1]); ++i)
        out.push(static_cast<std::uint32_t>(feature[i]), values[i]);
      out.end_token();
    }
    return out;
  }

  /// A number of the results; null is NaN.
  static double number(const qfa::json& value) {
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  }

  qfa::json results;
  qfa::sae dictionary;  ///< its decoder alone

 private:
  qfa::safetensors file_;
};

/// Tokens [first, last) of codes.
inline qfa::sparse_codes tokens_between(const qfa::sparse_codes& codes, std::size_t first, std::size_t last) {
  qfa::sparse_codes out(codes.width());
  for (std::size_t t = first; t < last; ++t)
    out.append_token(codes[t].features, codes[t].values);
  return out;
}

}  // namespace qfa_test

#endif
