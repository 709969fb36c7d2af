// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_STATISTICS_ORACLE_HPP
#define QFA_TESTS_STATISTICS_ORACLE_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "qfa/io/safetensors.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/stats/feature_table.hpp"

namespace qfa_test {

/// tests/data/statistics.safetensors: codes of a reference x and of two compressed models a and b, and what an
/// independent program made of them.  Its README says what each array is.
class statistics_oracle {
 public:
  statistics_oracle() : file_(std::filesystem::path(QFA_TEST_DATA) / "statistics.safetensors") {
    const std::vector<std::int64_t> shape = integers("tokens_rows_row_tokens_groups_features");
    tokens = static_cast<std::size_t>(shape[0]);
    rows = static_cast<std::size_t>(shape[1]);
    row_tokens = static_cast<std::size_t>(shape[2]);
    groups = static_cast<std::size_t>(shape[3]);
    features = static_cast<std::size_t>(shape[4]);
    for (const std::int64_t g : integers("group_of_token"))
      group_of_token.push_back(static_cast<std::uint32_t>(g));
  }

  std::vector<double> doubles(const std::string& name) const { return qfa::read_doubles(file_.at(name)); }
  std::vector<std::int64_t> integers(const std::string& name) const { return qfa::read_integers(file_.at(name)); }

  /// The codes of "x", "a" or "b".
  qfa::sparse_codes codes(const std::string& side) const {
    const std::vector<std::int64_t> begin = integers(side + ".begin");
    const std::vector<std::int64_t> feature = integers(side + ".features");
    const std::vector<float> values = qfa::read_floats(file_.at(side + ".values"));
    qfa::sparse_codes codes(features);
    for (std::size_t t = 0; t + 1 < begin.size(); ++t) {
      for (auto i = static_cast<std::size_t>(begin[t]); i < static_cast<std::size_t>(begin[t + 1]); ++i)
        codes.push(static_cast<std::uint32_t>(feature[i]), values[i]);
      codes.end_token();
    }
    return codes;
  }

  /// The table of the reference and side "a" or "b".
  qfa::feature_table table(const std::string& side) const {
    qfa::feature_table table(features, groups);
    table(codes("x"), codes(side), group_of_token);
    return table;
  }

  /// The features that a mask of 0 and 1 chooses.
  std::vector<std::uint32_t> chosen(const std::string& mask) const {
    std::vector<std::uint32_t> chosen;
    const std::vector<std::int64_t> bits = integers(mask);
    for (std::size_t f = 0; f < bits.size(); ++f)
      if (bits[f] != 0) chosen.push_back(static_cast<std::uint32_t>(f));
    return chosen;
  }

  std::size_t tokens = 0;
  std::size_t rows = 0;
  std::size_t row_tokens = 0;
  std::size_t groups = 0;
  std::size_t features = 0;
  std::vector<std::uint32_t> group_of_token;

 private:
  qfa::safetensors file_;
};

/// Position in the oracle's estimates: theta, se on the scale, ends, bias-corrected theta, degrees of freedom.
enum oracle_column : std::size_t {
  oracle_value,
  oracle_error,
  oracle_lower,
  oracle_upper,
  oracle_corrected,
  oracle_dof
};

}  // namespace qfa_test

#endif
