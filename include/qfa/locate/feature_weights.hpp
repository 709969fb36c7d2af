// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_FEATURE_WEIGHTS_HPP
#define QFA_LOCATE_FEATURE_WEIGHTS_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "qfa/compress/input_statistics.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/csv_reader.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
#include "qfa/model/processing.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// What a feature counts for in a sum over features, w_j of validity A5 and A6.
///   uniform  1
///   mass     sum over tokens of x |w_j|, w_j its decoder row: what it adds to the residual stream
///   logit    sum over tokens of x |U w_j|: what it adds to logits (logit_lengths)
///   listed   1 for those of a list, 0 for others: "keep these"
enum class feature_weighting : std::uint8_t { uniform, mass, logit, listed };
inline constexpr std::array<std::string_view, 4> feature_weighting_names{"uniform", "mass", "logit", "listed"};
constexpr const auto& names_of(feature_weighting) noexcept { return feature_weighting_names; }

/// |U w_j| of every feature's decoder row: U is the unembedding with the last norm's gain folded in and less its mean
/// over the vocabulary, which no probability notices; the division by the norm is left out, so that it is a direct
/// effect up to a factor that depends on the token.  Throws where the SAE does not write to the residual stream.
inline std::vector<double> logit_lengths(const sae& dictionary, const language_model& model) {
  const std::size_t d = model.config.hidden;
  if (dictionary.d_in != d)
    fail("weights by logits need an SAE of the residual stream, " + std::to_string(d) + " wide, and this one is " +
         std::to_string(dictionary.d_in) + " wide");
  const language_model folded = process(model, {.fold_ln = true});
  const weight_slice& slice = layout_of(folded.config).unembedding;
  const matrix_view<const float> u = slice.of(folded.at(slice.weight).data());
  input_statistics products(d, true);  // sum over the vocabulary of u u^T
  products(u);
  std::vector<double> mean(d, 0.0);
  for (std::size_t v = 0; v < u.rows(); ++v)
    for (std::size_t i = 0; i < d; ++i)
      mean[i] += static_cast<double>(u(v, i));
  const matrix_view<const double> gram = products.gram();
  std::vector<double> lengths(dictionary.d_sae);
  parallel_for(dictionary.d_sae, [&](std::size_t j) {
    const std::span<const float> w = std::span(dictionary.w_dec).subspan(j * d, d);
    double squares = 0.0, sum = 0.0;
    for (std::size_t i = 0; i < d; ++i) {
      double row = 0.0;
      for (std::size_t k = 0; k < d; ++k)
        row += gram(i, k) * static_cast<double>(w[k]);
      squares += row * static_cast<double>(w[i]);
      sum += mean[i] * static_cast<double>(w[i]);
    }
    lengths[j] = std::sqrt((std::max)(0.0, squares - sum * sum / static_cast<double>(u.rows())));
  });
  return lengths;
}

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
    const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), id);
    const bool number = problem == std::errc{} && end == cell.data() + cell.size();
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

/// Of a name of `feature_weighting` but the last, or of a file that lists features of a dictionary of `width`.
inline chosen_weighting parse_weighting(const std::string& text, std::size_t width) {
  const auto last = feature_weighting_names.end() - 1;
  if (const auto at = std::find(feature_weighting_names.begin(), last, text); at != last)
    return {static_cast<feature_weighting>(at - feature_weighting_names.begin()), {}};
  if (!std::filesystem::exists(text))
    fail("features are weighted by uniform, mass, logit or a file that lists some of them, and there is no " +
         in_quotes(text));
  return {feature_weighting::listed, read_feature_list(text, width)};
}

}  // namespace qfa

#endif
