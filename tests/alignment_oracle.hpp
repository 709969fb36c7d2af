// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_ALIGNMENT_ORACLE_HPP
#define QFA_TESTS_ALIGNMENT_ORACLE_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/paired_activations.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa_test {

/// tests/data/alignment.json: what an independent program made of the definitions.
inline const qfa::json& alignment_numbers() {
  static const qfa::json numbers = qfa::read_json(std::filesystem::path(QFA_TEST_DATA) / "alignment.json");
  return numbers;
}

/// A number there; null, which stands for "undefined", is NaN.
inline double json_number(const qfa::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}
inline std::uint64_t json_count(const qfa::json& value) { return value.get<std::uint64_t>(); }

/// A matrix with its values.
struct alignment_matrix {
  std::vector<float> values;
  std::size_t rows = 0, columns = 0;

  operator qfa::matrix_view<const float>() const {  // NOLINT(google-explicit-constructor)
    return {values.data(), rows, columns};
  }
};

/// tests/data/alignment.safetensors: the vectors, and the axes that the program found.
class alignment_vectors {
 public:
  alignment_vectors() : file_(std::filesystem::path(QFA_TEST_DATA) / "alignment.safetensors") {}

  alignment_matrix floats(const std::string& name) const {
    const auto& tensor = file_.at(name);
    return {qfa::read_floats(tensor), tensor.shape.at(0), tensor.shape.at(1)};
  }
  std::vector<double> doubles(const std::string& name) const { return qfa::read_doubles(file_.at(name)); }
  std::vector<std::int64_t> integers(const std::string& name) const { return qfa::read_integers(file_.at(name)); }

 private:
  qfa::safetensors file_;
};

/// The prompts of `part`, "train" or "heldout", in the reference and under a condition; "same" is the reference again.
class alignment_pairs {
 public:
  alignment_pairs(const alignment_vectors& vectors, const std::string& part, const std::string& condition)
      : harmful(vectors.floats("directions." + part + ".harmful")),
        harmless(vectors.floats("directions." + part + ".harmless")),
        harmful_compressed(vectors.floats("directions." + part + ".harmful" + ending(condition))),
        harmless_compressed(vectors.floats("directions." + part + ".harmless" + ending(condition))) {}

  qfa::paired_activations view() const { return {harmful, harmless, harmful_compressed, harmless_compressed}; }

  alignment_matrix harmful, harmless, harmful_compressed, harmless_compressed;

 private:
  static std::string ending(const std::string& condition) { return condition == "same" ? "" : "." + condition; }
};

}  // namespace qfa_test

#endif
