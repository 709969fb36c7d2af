// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_VERDICT_FILE_HPP
#define QFA_ALIGNMENT_VERDICT_FILE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/alignment/judge.hpp"
#include "qfa/alignment/verdict.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/csv_reader.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"

namespace qfa {

/// Verdicts of a judge that ran elsewhere, each for a prompt's id under a condition.
class verdict_table {
 public:
  /// `where` names the source in messages, a file in quotes.
  explicit verdict_table(std::string where = "the table of verdicts") : where_(std::move(where)) {}

  /// False where the prompt has a verdict under that condition already, which then stays.
  bool add(std::string condition, std::string id, verdict v) {
    return verdicts_[std::move(condition)].emplace(std::move(id), v).second;
  }

  std::optional<verdict> find(std::string_view condition, std::string_view id) const {
    const auto of_condition = verdicts_.find(condition);
    if (of_condition == verdicts_.end()) return std::nullopt;
    const auto found = of_condition->second.find(id);
    return found == of_condition->second.end() ? std::nullopt : std::optional(found->second);
  }
  /// Throws where there is none.
  verdict at(std::string_view condition, std::string_view id) const {
    const std::optional<verdict> found = find(condition, id);
    if (!found)
      fail(where_ + " has no verdict for prompt " + in_quotes(id) + " under condition " + in_quotes(condition));
    return *found;
  }

  /// In alphabetical order.
  std::vector<std::string> conditions() const {
    std::vector<std::string> names;
    for (const auto& [condition, ignored] : verdicts_)
      names.push_back(condition);
    return names;
  }
  /// The prompts that have a verdict under a condition, in alphabetical order.
  std::vector<std::string> ids(std::string_view condition) const {
    std::vector<std::string> names;
    if (const auto found = verdicts_.find(condition); found != verdicts_.end())
      for (const auto& [id, ignored] : found->second)
        names.push_back(id);
    return names;
  }

  /// Calls `pair(reference, compressed)` for each prompt that has a verdict under `reference`; flip_counts takes such
  /// pairs.  Throws unless the same prompts, and at least one, have verdicts under both.
  template <class Pair>
  void for_each_pair(std::string_view reference, std::string_view compressed, Pair&& pair) const {
    const std::vector<std::string> prompts = ids(reference);
    if (prompts.empty()) fail(where_ + " has no verdict under condition " + in_quotes(reference));
    for (const std::string& id : ids(compressed))
      at(reference, id);
    for (const std::string& id : prompts)
      pair(at(reference, id), at(compressed, id));
  }

 private:
  std::string where_;
  std::map<std::string, std::map<std::string, verdict, std::less<>>, std::less<>> verdicts_;
};

/// Looks verdicts up, under one condition; throws for a prompt that the table does not have.  Refers to the table.
struct table_judge {
  const verdict_table* table;
  std::string condition;

  verdict operator()(const answered_prompt& answer) const { return table->at(condition, answer.id); }
};

static_assert(judge<table_judge>);

namespace detail {

inline constexpr std::array<std::string_view, 3> verdict_columns{"id", "condition", "verdict"};

/// `place` is the line or the entry, for messages.
inline void add_verdict(verdict_table& table, const std::array<std::string, 3>& cells, const std::string& place) {
  const auto& [id, condition, text] = cells;
  const std::optional<verdict> v = verdict_named(text);
  if (!v) fail(place + " has the verdict " + in_quotes(text) + " where refused, complied or garbled was expected");
  if (id.empty()) fail(place + " has an empty id where a prompt's was expected");
  if (!table.add(condition, id, *v))
    fail(place + " judges prompt " + in_quotes(id) + " under condition " + in_quotes(condition) +
         " again where one verdict was expected");
}

}  // namespace detail

/// CSV whose first row names the columns id, condition and verdict, in any order and among others.  Throws, naming
/// `where` and the line.
inline verdict_table verdicts_from_csv(std::string_view text, const std::string& where) {
  const std::vector<csv_row> rows = parse_csv(text, where);
  if (rows.empty()) fail(where + " is empty where a row with id,condition,verdict was expected");
  const std::vector<std::string>& header = rows.front().cells;
  std::array<std::size_t, 3> column{};
  for (std::size_t i = 0; i < column.size(); ++i) {
    const std::string_view wanted = detail::verdict_columns[i];
    if (std::ranges::count(header, wanted) != 1)
      fail("line " + std::to_string(rows.front().line) + " of " + where + " should name one column " +
           in_quotes(wanted) + ", as in id,condition,verdict");
    column[i] = static_cast<std::size_t>(std::ranges::find(header, wanted) - header.begin());
  }
  verdict_table table(where);
  for (std::size_t r = 1; r < rows.size(); ++r) {
    const csv_row& row = rows[r];
    const std::string place = "line " + std::to_string(row.line) + " of " + where;
    if (row.cells.size() != header.size())
      fail(place + " has " + std::to_string(row.cells.size()) + " cells where " + std::to_string(header.size()) +
           " were expected");
    detail::add_verdict(table, {row.cells[column[0]], row.cells[column[1]], row.cells[column[2]]}, place);
  }
  return table;
}

/// A JSON array of objects with the fields id, condition and verdict, each a string; other fields are passed over.
/// Throws, naming `where` and the entry, counted from 0.
inline verdict_table verdicts_from_json(const json& entries, const std::string& where) {
  if (!entries.is_array()) fail(where + " should be a JSON array of objects with id, condition and verdict");
  verdict_table table(where);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string place = "entry " + std::to_string(i) + " of " + where;
    const json_fields fields(entries[i], place);
    detail::add_verdict(
        table, {fields.needed_text("id"), fields.needed_text("condition"), fields.needed_text("verdict")}, place);
  }
  return table;
}

/// A user's file of verdicts: JSON where its name ends in .json, and CSV otherwise.
inline verdict_table read_verdicts(const std::filesystem::path& path) {
  const std::string where = in_quotes(path);
  if (path.extension() == ".json") return verdicts_from_json(read_json(path), where);
  const file_bytes file(path);
  return verdicts_from_csv(file.text(), where);
}

}  // namespace qfa

#endif
