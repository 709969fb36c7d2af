// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_FEATURE_COLUMNS_HPP
#define QFA_REPORT_FEATURE_COLUMNS_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/csv.hpp"

namespace qfa {

/// What a column of features.csv holds: a number from -1 to 1, any number, a whole number, or one of a few words.
enum class column_kind : std::uint8_t { share, number, count, word };

/// A column that pages show, by its name in features.csv.
struct page_column {
  std::string_view name;
  column_kind kind;
};

/// What is known of a feature on the reference, the same under every condition.
inline constexpr std::array reference_columns{page_column{"active", column_kind::count},
                                              page_column{"reference_firings", column_kind::count},
                                              page_column{"effective_groups", column_kind::number},
                                              page_column{"firing_rate", column_kind::number},
                                              page_column{"max_activation", column_kind::number},
                                              page_column{"mean_when_active", column_kind::number}};

/// What became of it under one condition.  The columns from `phi` on stand only in the tables of some audits.
inline constexpr std::array condition_columns{page_column{"r", column_kind::share},
                                              page_column{"r_lower", column_kind::share},
                                              page_column{"r_upper", column_kind::share},
                                              page_column{"r_interval", column_kind::word},
                                              page_column{"honest_outcome", column_kind::word},
                                              page_column{"published_outcome", column_kind::word},
                                              page_column{"census", column_kind::word},
                                              page_column{"dead", column_kind::count},
                                              page_column{"born", column_kind::count},
                                              page_column{"damage_class", column_kind::word},
                                              page_column{"recall", column_kind::share},
                                              page_column{"precision", column_kind::share},
                                              page_column{"gain", column_kind::number},
                                              page_column{"flip_share", column_kind::share},
                                              page_column{"lost_mass_share", column_kind::share},
                                              page_column{"phi", column_kind::number},
                                              page_column{"token_divergence", column_kind::number},
                                              page_column{"token_divergence_control", column_kind::number},
                                              page_column{"moved_to", column_kind::count},
                                              page_column{"effective_bits", column_kind::number},
                                              page_column{"effective_bits_censored", column_kind::word}};

/// A column's cells.  An empty cell is NaN; a word is its place in `words`, and an empty one NaN, too.  Doubles,
/// since floats skip whole numbers beyond 2^24.
struct feature_column {
  std::string name;
  column_kind kind = column_kind::number;
  std::vector<double> cells;  ///< (features)
  std::vector<std::string> words{};
};

/// One condition's columns, without those that its table does not have.
struct condition_features {
  std::string policy;
  std::vector<feature_column> columns;

  /// The column of that name, or nothing.
  const feature_column* find(std::string_view name) const noexcept {
    const auto at = std::ranges::find(columns, name, &feature_column::name);
    return at == columns.end() ? nullptr : &*at;
  }
};

/// An audit's features.csv by columns: the reference first, whose columns are `reference_columns`.
struct feature_columns {
  std::size_t features = 0;
  std::vector<condition_features> conditions;
};

namespace detail {

/// Cuts a text as `csv_writer` writes it into cells, row by row, without copying what is not quoted.
class csv_cells {
 public:
  csv_cells(std::string_view text, std::string where) : rest_(text), where_(std::move(where)) {
    while (rest_.starts_with('#')) {  // the protocol, line by line
      const std::size_t end = rest_.find('\n');
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      ++line_;
    }
  }

  /// The next row's cells, good until the one after it; false at the end.
  bool next(std::vector<std::string_view>& cells) {
    cells.clear();
    quoted_.clear();
    if (rest_.empty()) return false;
    ++line_;
    quoted_.reserve(4);  // the only cell that may be quoted is the policy's name
    for (bool more = true; more;)
      cells.push_back(rest_.starts_with('"') ? quoted(more) : plain(more));
    return true;
  }
  [[noreturn]] void refuse(const std::string& why) const {
    fail(where_ + ", line " + std::to_string(line_) + ", " + why + ", expected a table of qfa audit");
  }

 private:
  void pass(std::size_t end, bool& more) {
    more = end < rest_.size() && rest_[end] == ',';
    if (!more && end < rest_.size() && rest_[end] == '\r') ++end;
    if (!more && end < rest_.size() && rest_[end] != '\n') refuse("goes on after a closing quote");
    rest_.remove_prefix((std::min)(end + 1, rest_.size()));
  }
  std::string_view plain(bool& more) {
    const std::size_t end = (std::min)(rest_.find_first_of(",\r\n"), rest_.size());
    const std::string_view cell = rest_.substr(0, end);
    pass(end, more);
    return cell;
  }
  std::string_view quoted(bool& more) {
    if (quoted_.size() == quoted_.capacity()) refuse("has more cells in quotes than it may");
    std::string cell;
    std::size_t at = 1;
    for (; at < rest_.size() && (rest_[at] != '"' || rest_.substr(at, 2) == "\"\""); ++at) {
      if (rest_[at] == '"') ++at;
      cell += rest_[at];
    }
    if (at == rest_.size()) refuse("opens a quote that is never closed");
    pass(at + 1, more);
    return quoted_.emplace_back(std::move(cell));
  }

  std::string_view rest_;
  std::string where_;
  std::size_t line_ = 0;
  std::vector<std::string> quoted_;
};

inline void add_cell(feature_column& column, std::string_view cell, const csv_cells& rows) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (cell.empty()) {
    column.cells.push_back(none);
  } else if (column.kind == column_kind::word) {
    const auto at = std::ranges::find(column.words, cell);
    if (at == column.words.end() && column.words.size() == 200) rows.refuse("has yet another word in " + column.name);
    column.cells.push_back(static_cast<double>(at - column.words.begin()));
    if (at == column.words.end()) column.words.emplace_back(cell);
  } else {
    double value = 0.0;
    const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (problem == std::errc::invalid_argument || end != cell.data() + cell.size())
      rows.refuse("has a cell in " + column.name + " that is no number");
    column.cells.push_back(problem == std::errc{} ? value : none);
  }
}

}  // namespace detail

/// Reads the columns that pages show from the text of a features.csv.  Throws, naming `where` and the line, unless it
/// is one that an audit wrote: the reference first, and every condition with a line for each feature, from 0 on.
inline feature_columns read_feature_columns(std::string_view text, const std::string& where) {
  detail::csv_cells rows(text, where);
  std::vector<std::string_view> cells;
  std::vector<std::string> heads;
  if (rows.next(cells)) heads.assign(cells.begin(), cells.end());
  if (heads.size() < 2 || heads[0] != "policy" || heads[1] != "feature")
    rows.refuse("begins with other columns than policy and feature");

  feature_columns out;
  std::vector<std::size_t> places;  // in a row, of the current condition's columns
  const auto begin = [&](std::string_view policy) {
    if (!out.conditions.empty() && out.features == 0) rows.refuse("has a condition without features");
    for (const condition_features& c : out.conditions)
      if (c.policy == policy) rows.refuse("has a condition that came before");
    out.conditions.push_back({std::string(policy), {}});
    places.clear();
    const auto add = [&](const page_column& column) {
      const auto at = std::ranges::find(heads, column.name);
      if (at == heads.end()) return;
      places.push_back(static_cast<std::size_t>(at - heads.begin()));
      out.conditions.back().columns.push_back({std::string(column.name), column.kind, {}});
      out.conditions.back().columns.back().cells.reserve(out.features);
    };
    if (out.conditions.size() == 1)
      std::ranges::for_each(reference_columns, add);
    else
      std::ranges::for_each(condition_columns, add);
  };
  std::size_t feature = 0;
  while (rows.next(cells)) {
    if (cells.size() != heads.size()) rows.refuse("has another number of cells than the head");
    const std::string_view policy = csv_text(cells[0]);
    if (out.conditions.empty() || out.conditions.back().policy != policy) {
      if (out.conditions.size() > 1 && feature != out.features)
        rows.refuse("comes before all features of a condition did");
      begin(policy);
      feature = 0;
    }
    if (cells[1] != std::to_string(feature)) rows.refuse("is not that of feature " + std::to_string(feature));
    ++feature;
    if (out.conditions.size() == 1) out.features = feature;
    auto column = out.conditions.back().columns.begin();
    for (const std::size_t place : places)
      detail::add_cell(*column++, cells[place], rows);
  }
  if (out.conditions.empty() || feature != out.features) rows.refuse("ends before all features came");
  return out;
}

}  // namespace qfa

#endif
