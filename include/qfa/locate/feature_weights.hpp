// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_FEATURE_WEIGHTS_HPP
#define QFA_LOCATE_FEATURE_WEIGHTS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/csv_reader.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/logit_lengths.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// What a feature counts for in a sum over features, w_j.
///   uniform  1
///   mass     sum over tokens of x |w_j|, w_j its decoder row: what it adds to the residual stream
///   logit    sum over tokens of x |U w_j|: what it adds to logits (model/logit_lengths.hpp)
///   listed   1 for those of a list, 0 for others: "keep these"
enum class feature_weighting : std::uint8_t { uniform, mass, logit, listed };
inline constexpr std::array<std::string_view, 4> feature_weighting_names{"uniform", "mass", "logit", "listed"};
constexpr const auto& names_of(feature_weighting) noexcept { return feature_weighting_names; }

/// Weights of the measured `features`.  `masses` are theirs, `lengths` what logit_lengths says of all features (logit
/// only), `listed` ids, increasing (listed only).
inline std::vector<double> weights_of(feature_weighting by, std::span<const std::uint32_t> features,
                                      std::span<const double> masses, const sae& dictionary,
                                      std::span<const double> lengths, std::span<const std::uint32_t> listed) {
  const std::vector<float> norms = decoder_norms(dictionary);
  std::vector<double> out;
  for (std::size_t i = 0; i < features.size(); ++i) {
    const std::uint32_t f = features[i];
    const double norm = static_cast<double>(norms[f]);
    switch (by) {
      case feature_weighting::uniform:
        out.push_back(1.0);
        break;
      case feature_weighting::mass:
        out.push_back(masses[i]);
        break;
      case feature_weighting::logit:
        out.push_back(norm == 0.0 ? 0.0 : masses[i] / norm * lengths[f]);
        break;
      case feature_weighting::listed:
        out.push_back(std::ranges::binary_search(listed, f) ? 1.0 : 0.0);
        break;
    }
  }
  return out;
}

/// Feature ids from a file, one a line in its first column; a first line that is no number is a heading.  Increasing,
/// each once.  Throws, naming file and line, where one is no id of a dictionary of `width` features, and for none.
inline std::vector<std::uint32_t> read_feature_list(const std::filesystem::path& path, std::size_t width) {
  const file_bytes file(path);
  std::vector<std::uint32_t> ids;
  const std::vector<csv_row> rows = parse_csv(file.text(), in_quotes(path));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string& cell = rows[i].cells.front();
    std::uint32_t id = 0;
    const bool number = read_cell(cell, id);
    if (!number && i == 0) continue;
    if (!number || id >= width)
      fail("line " + std::to_string(rows[i].line) + " of " + in_quotes(path) + " is " + in_quotes(cell) +
           ", expected a feature from 0 to " + std::to_string(width - 1));
    ids.push_back(id);
  }
  if (ids.empty()) fail(in_quotes(path) + " lists no feature");
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

/// A weighting and its list.
struct chosen_weighting {
  feature_weighting by = feature_weighting::uniform;
  std::vector<std::uint32_t> listed{};  ///< features that count, increasing, where `by` is listed
};

/// Of a name of `feature_weighting` but the last, or of a file that lists features of a dictionary of `width`.  Throws
/// where it is neither, and as read_feature_list.
inline chosen_weighting parse_weighting(const std::string& text, std::size_t width) {
  const auto last = feature_weighting_names.end() - 1;
  if (const auto at = std::find(feature_weighting_names.begin(), last, text); at != last)
    return {static_cast<feature_weighting>(at - feature_weighting_names.begin()), {}};
  if (!path_exists(text))
    fail("features are weighted by uniform, mass, logit or a file that lists some of them, and there is no " +
         in_quotes(text));
  return {feature_weighting::listed, read_feature_list(text, width)};
}

}  // namespace qfa

#endif
