// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_LAW_TABLE_HPP
#define QFA_LAW_LAW_TABLE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/csv_reader.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/law/observations.hpp"

namespace qfa {

/// A table of models, each trained on D tokens and quantized to some bits, as three lists of observations.
struct law_table {
  std::vector<observation> degradation;    ///< nats a token by which the loss grows; empty without such columns
  std::vector<observation> feature_noise;  ///< empty without the column
  std::vector<observation> losses;         ///< before quantization, one for each checkpoint; empty without the column
  std::vector<std::string> checkpoints;    ///< names, by number
  bool trained_in_few_bits = false;        ///< some weights were trained in fewer than infinitely many bits
};

/// Columns of a table, in any order; others are passed over.
///
///   N, D, bits             parameters without embeddings, tokens of training, bits of the weights: needed
///   delta                  loss after quantization less loss before, nats a token; or
///   loss, reference_loss   the two, when there is no delta; reference_loss also feeds the law of the loss
///   nu                     mean noise-to-signal of an autoencoder's features
///   trained_bits           of the weights while training; empty or "inf" for full precision
///   checkpoint             names what was trained once; without it, rows of equal N, D and trained_bits are one
///
/// An empty cell of delta, loss, reference_loss or nu is a number not measured.
inline constexpr std::array<std::string_view, 9> law_columns{
    "N", "D", "bits", "delta", "loss", "reference_loss", "nu", "trained_bits", "checkpoint"};

/// Reads such a table.  Throws, naming `where` and the line, for a column that is missing or comes twice, rows of
/// another width, cells that are no numbers, N, D and bits that are not above 0, and a checkpoint of two sizes, lengths
/// or reference losses.
inline law_table parse_law_table(std::string_view text, const std::string& where) {
  const std::vector<csv_row> rows = parse_csv(text, where);
  if (rows.empty()) fail(where + " is empty, expected a table with columns N, D and bits");
  constexpr std::size_t none = (std::numeric_limits<std::size_t>::max)();
  std::array<std::size_t, law_columns.size()> at;
  at.fill(none);
  for (std::size_t c = 0; c < rows[0].cells.size(); ++c)
    for (std::size_t k = 0; k < law_columns.size(); ++k)
      if (rows[0].cells[c] == law_columns[k]) {
        if (at[k] != none) fail(where + " has two columns " + in_quotes(law_columns[k]));
        at[k] = c;
      }
  enum column : std::size_t { n, d, precision, delta, loss, reference, nu, trained, checkpoint };
  for (const column needed : {n, d, precision})
    if (at[needed] == none) fail(where + " has no column " + in_quotes(law_columns[needed]));
  const bool measured = at[delta] != none || (at[loss] != none && at[reference] != none);
  if (!measured && at[nu] == none)
    fail(where + " has nothing to fit: expected a column \"delta\", \"loss\" with \"reference_loss\", or \"nu\"");

  law_table out;
  std::map<std::string, std::size_t> numbers;
  std::vector<observation> firsts;  // of each checkpoint, its value the reference loss
  for (std::size_t r = 1; r < rows.size(); ++r) {
    const csv_row& row = rows[r];
    const std::string line = where + ", line " + std::to_string(row.line) + ", ";
    if (row.cells.size() != rows[0].cells.size())
      fail(line + "has " + std::to_string(row.cells.size()) + " cells, expected " +
           std::to_string(rows[0].cells.size()));
    const auto number = [&](column k) {
      if (at[k] == none || row.cells[at[k]].empty()) return std::numeric_limits<double>::quiet_NaN();
      const std::string& cell = row.cells[at[k]];
      double value = 0.0;
      if (!read_cell(cell, value))
        fail(line + "has " + in_quotes(cell) + " in column " + in_quotes(law_columns[k]) + ", expected a number");
      return value;
    };
    observation seen{.parameters = number(n), .tokens = number(d), .bits = number(precision)};
    for (const auto& [value, k] :
         {std::pair{seen.parameters, n}, std::pair{seen.tokens, d}, std::pair{seen.bits, precision}})
      if (!(value > 0.0 && std::isfinite(value)))
        fail(line + "has no finite number above 0 in column " + in_quotes(law_columns[k]));
    if (const double value = number(trained); !std::isnan(value)) seen.trained_bits = value;
    if (!(seen.trained_bits > 0.0)) fail(line + "has no number above 0 in column \"trained_bits\"");
    out.trained_in_few_bits = out.trained_in_few_bits || std::isfinite(seen.trained_bits);

    const auto text_of = [](double x) { return std::to_string(x); };
    const std::string name = at[checkpoint] != none ? row.cells[at[checkpoint]]
                                                    : text_of(seen.parameters) + '/' + text_of(seen.tokens) + '/' +
                                                          text_of(seen.trained_bits);
    const auto [entry, is_new] = numbers.try_emplace(name, out.checkpoints.size());
    seen.checkpoint = entry->second;
    observation first = seen;
    first.value = number(reference);
    if (is_new) {
      out.checkpoints.push_back(name);
      firsts.push_back(first);
    }
    const observation& known = firsts[seen.checkpoint];
    const bool same_loss = known.value == first.value || (std::isnan(known.value) && std::isnan(first.value));
    if (known.parameters != seen.parameters || known.tokens != seen.tokens || !same_loss ||
        known.trained_bits != seen.trained_bits)
      fail(line + "has another N, D, trained_bits or reference_loss than the checkpoint " + in_quotes(name) +
           " had before");

    seen.value = at[delta] != none ? number(delta) : number(loss) - number(reference);
    if (!std::isnan(seen.value)) out.degradation.push_back(seen);
    seen.value = number(nu);
    if (!std::isnan(seen.value)) out.feature_noise.push_back(seen);
  }
  for (const observation& first : firsts)
    if (!std::isnan(first.value)) out.losses.push_back(first);
  return out;
}

/// The same from a file.
inline law_table read_law_table(const std::filesystem::path& path) {
  const file_bytes file(path);
  return parse_law_table(file.text(), in_quotes(path));
}

}  // namespace qfa

#endif
