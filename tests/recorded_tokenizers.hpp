// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_RECORDED_TOKENIZERS_HPP
#define QFA_TESTS_RECORDED_TOKENIZERS_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "qfa/io/checksum.hpp"
#include "qfa/io/json.hpp"

// The small tokenizers of tests/data/tokenizers, and what another implementation made of its texts
// (tests/tokenizers/README.md).

namespace qfa_test {

inline std::filesystem::path tokenizer_data() { return std::filesystem::path(QFA_TEST_DATA) / "tokenizers"; }

struct recorded_family {
  std::string name;
  qfa::json tokenizer;                            ///< a tokenizer.json
  std::vector<std::vector<std::uint32_t>> first;  ///< the tokens of texts 20 to 59
  std::vector<std::string> checksums;             ///< of the tokens of each text
};

inline std::vector<std::string> recorded_texts() {
  return qfa::read_json(tokenizer_data() / "texts.json").get<std::vector<std::string>>();
}

inline std::vector<recorded_family> recorded_families() {
  const qfa::json vocabularies = qfa::read_json(tokenizer_data() / "vocabularies.json");
  const qfa::json all = qfa::read_json(tokenizer_data() / "recorded.json");
  std::vector<recorded_family> out;
  for (const auto& [name, recorded] : all.items()) {
    recorded_family family{name, recorded.at("tokenizer"), {}, {}};
    const qfa::json& vocabulary = vocabularies.at(recorded.at("over").get<std::string>());
    family.tokenizer["model"]["vocab"] = vocabulary.at("vocab");
    family.tokenizer["model"]["merges"] = vocabulary.at("merges");
    family.first = recorded.at("first").get<std::vector<std::vector<std::uint32_t>>>();
    std::istringstream list(recorded.at("crc32").get<std::string>());
    for (std::string one; list >> one;)
      family.checksums.push_back(one);
    out.push_back(std::move(family));
  }
  return out;
}

/// CRC-32 of ids as four bytes each, as record.mjs has it.
inline std::string checksum_of_ids(std::span<const std::uint32_t> ids) {
  return qfa::hexadecimal(qfa::crc32(std::as_bytes(ids)));
}

}  // namespace qfa_test

#endif
