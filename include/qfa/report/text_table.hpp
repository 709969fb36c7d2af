// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_TEXT_TABLE_HPP
#define QFA_REPORT_TEXT_TABLE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/result.hpp"

namespace qfa {

/// A number with a fixed count of decimals; "-" for NaN.
inline std::string fixed(double x, int decimals) {
  if (!std::isfinite(x)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, x);
  return text;
}

/// The same with its sign.
inline std::string signed_fixed(double x, int decimals) {
  return (std::isfinite(x) && x >= 0.0 ? "+" : "") + fixed(x, decimals);
}

/// "[0.91, 0.93]", "[>= 0.95]", or "unmeasured" where there is no interval; each end as `write` writes it.
template <std::invocable<double> Write>
std::string range_text(const interval& range, Write write) {
  switch (range.kind) {
    case interval_kind::two_sided:
      return "[" + write(range.lower) + ", " + write(range.upper) + "]";
    case interval_kind::at_least:
      return "[>= " + write(range.lower) + "]";
    case interval_kind::at_most:
      return "[<= " + write(range.upper) + "]";
    case interval_kind::refused:
      break;
  }
  return "unmeasured";
}
/// The same with so many decimals, in `unit`s.
inline std::string range_text(const interval& range, int decimals, double unit = 1.0) {
  return range_text(range, [&](double end) { return fixed(unit * end, decimals); });
}

/// A value's text and its interval: "0.92 [0.91, 0.93]", or "0.92 (unmeasured)" where there is no interval.
inline std::string with_range(const std::string& value, const interval& range, int decimals, double unit = 1.0) {
  const std::string bounds = range_text(range, decimals, unit);
  return value + " " + (range.kind == interval_kind::refused ? "(" + bounds + ")" : bounds);
}

/// A share as "11.0 % [9.0, 13.4]", or "11.0 % (no interval: why)".
inline std::string percent_text(const estimate& e) {
  const std::string value = std::isfinite(e.value) ? fixed(100.0 * e.value, 1) + " %" : "unmeasured";
  if (e.range.kind == interval_kind::refused)
    return value + (e.range.reason.empty() ? "" : " (no interval: " + std::string(e.range.reason) + ")");
  return value + " " + range_text(e.range, 1, 100.0);
}

/// How a table is written: in columns for a terminal, or as GitHub's Markdown has tables, for a page.
enum class table_form : std::uint8_t { columns, markdown };
inline constexpr std::array<std::string_view, 2> table_form_names{"text", "md"};

/// A sentence in which names and tokens stand as they are: what Markdown would read as a tag, an entity, emphasis,
/// code, a link's end, a heading or a quotation stands behind a backslash.  What it leaves alone is left alone: a `_`
/// within a word, a `<`, `*` or `|` between blanks.
inline std::string markdown_escaped(std::string_view line) {
  const auto at = [line](std::size_t i) { return i < line.size() ? line[i] : ' '; };
  const auto one_of = [](char c, std::string_view set) { return set.find(c) != std::string_view::npos; };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto of_word = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) > 127;
  };
  const auto punctuation = [&](char c) { return c > ' ' && c < 127 && !of_word(c); };
  const std::size_t first = line.find_first_not_of(' ');
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i], before = i == 0 ? ' ' : line[i - 1], next = at(i + 1);
    const bool alone = before == ' ' && next == ' ';
    if (c == '`' || (c == '\\' && punctuation(next)) || (one_of(c, "*|") && !alone) ||
        (c == '_' && !(of_word(before) && of_word(next))) || (c == '<' && (letter(next) || one_of(next, "/!?"))) ||
        (c == '&' && (letter(next) || next == '#')) || (c == ']' && next == '(') || (c == '~' && next == '~') ||
        (i == first && one_of(c, "#>")))
      out += '\\';
    out += c;
  }
  return out;
}

/// Sentences, a line each, and tables among them as Markdown has them: a line break is one only after two blanks, and a
/// table begins and ends with an empty line.
inline std::string markdown_text(std::string_view text) {
  std::string out;
  bool in_table = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix((std::min)(line.size() + 1, text.size()));
    const bool row = (line.starts_with("| ") || line.starts_with("|:-")) && line.ends_with('|');
    if (row != in_table) out += '\n';
    in_table = row;
    out += row ? std::string(line) + "\n" : line.empty() ? "\n" : markdown_escaped(line) + "  \n";
  }
  return out;
}

/// Rows of cells; the first column to the left, the others to the right.
class text_table {
 public:
  explicit text_table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  /// In columns, each as wide as its widest cell; or in Markdown, where no cell is more than its text.
  std::string str(table_form form = table_form::columns) const {
    return form == table_form::markdown ? markdown() : columns();
  }

 private:
  std::string columns() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
      widths.resize((std::max)(widths.size(), row.size()), 0);
      for (std::size_t c = 0; c < row.size(); ++c)
        widths[c] = (std::max)(widths[c], row[c].size());
    }
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t c = 0; c < row.size(); ++c) {
        const std::string pad(widths[c] - row[c].size(), ' ');
        line += (c == 0 ? "" : "  ") + (c == 0 ? row[c] + pad : pad + row[c]);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + '\n';
    }
    return out;
  }
  std::string markdown() const {
    std::string out;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t c = 0; c < rows_.front().size(); ++c) {
        out += c == 0 ? "| " : " | ";
        for (const char letter : c < rows_[r].size() ? rows_[r][c] : std::string()) {
          if (std::string_view("\\|*_<`").find(letter) != std::string_view::npos) out += '\\';
          out += letter;
        }
      }
      out += " |\n";
      if (r > 0) continue;
      for (std::size_t c = 0; c < rows_.front().size(); ++c)
        out += c == 0 ? "|:--" : "|--:";
      out += "|\n";
    }
    return out;
  }

  std::vector<std::vector<std::string>> rows_;
};

/// What a table by the honest protocol says of itself in an audit whose headline is the published one.
inline std::string_view beside_published(const audit_result& a) {
  return a.headline.guarded_r ? ", honest protocol" : "";
}

/// The interval of a change in percent, "[+0.06, +0.10]", from that of the ratio; `otherwise` where there is none.
inline std::string percent_change_range(const interval& ratio, std::string_view otherwise) {
  if (ratio.kind != interval_kind::two_sided) return std::string(otherwise);
  return "[" + signed_fixed(100.0 * (ratio.lower - 1.0), 2) + ", " + signed_fixed(100.0 * (ratio.upper - 1.0), 2) + "]";
}

/// The audit's main table, like the paper's: a line for each condition under the headline protocol.  `bits` are bits a
/// weight takes in the targeted matrices, scales included, `KV bits` those of an element in the caches; no such column
/// where no condition knows.
inline std::string conditions_table(const audit_result& a, table_form form = table_form::columns) {
  const bool with_loss = !a.conditions.empty() && a.conditions.front().loss.has_value();
  const bool with_bits = std::ranges::any_of(a.conditions, [](const auto& c) { return c.bits_per_weight.has_value(); });
  const auto cached = [](const condition_result& c) { return c.cache && c.cache->bits_per_element; };
  const bool with_cache = std::ranges::any_of(a.conditions, cached);
  std::vector<std::string> heads{"policy"};
  if (with_bits) heads.push_back("bits");
  if (with_cache) heads.push_back("KV bits");
  if (with_loss) heads.insert(heads.end(), {"PPL", "dPPL %", "95 %", "KL"});
  heads.insert(heads.end(), {"mean r", "median r", "survived %", "95 %", "blurred %", "destroyed %", "s/b/d", "FVU"});
  text_table table(std::move(heads));
  for (const condition_result& c : a.conditions) {
    if (c.ladder_only) continue;
    const survey& s = c.by(a.headline);
    std::vector<std::string> row{c.policy};
    if (with_bits) row.push_back(fixed(c.bits_per_weight.value_or(std::numeric_limits<double>::quiet_NaN()), 2));
    if (with_cache) row.push_back(cached(c) ? fixed(*c.cache->bits_per_element, 2) : "");
    if (c.loss) {
      const estimate& ppl = c.loss->perplexity_ratio;
      row.push_back(fixed(c.loss->perplexity, 3));
      row.push_back(signed_fixed(100.0 * (ppl.value - 1.0), 2));
      row.push_back(percent_change_range(ppl.range, c.reference ? "" : "unmeasured"));
      row.push_back(fixed(c.loss->kl.value, 4));
    }
    row.push_back(fixed(s.mean_r.value, 4));
    row.push_back(fixed(s.median_r.value, 4));
    row.push_back(fixed(percent(s.share(outcome::survived).value), 1));
    row.push_back(range_text(s.share(outcome::survived).range, 1, 100.0));
    row.push_back(fixed(percent(s.share(outcome::blurred).value), 1));
    row.push_back(fixed(percent(s.share(outcome::destroyed).value), 1));
    row.push_back(std::to_string(s.bands[outcome::survived]) + "/" + std::to_string(s.bands[outcome::blurred]) + "/" +
                  std::to_string(s.bands[outcome::destroyed]));
    row.push_back(fixed(c.fit.fvu, 4));
    table.add(std::move(row));
  }
  return table.str(form);
}

/// What the bands bear, and what the SAE's gate makes of noise: why survival by one kind of SAE says nothing beside
/// that by another.
inline std::string gate_note(const audit_result& a) {
  std::string flips;
  for (const condition_result& c : a.conditions)
    if (const estimate& share = c.flip_share; !c.reference && !c.ladder_only)
      flips += (flips.empty() ? "" : ", ") + c.policy + " " +
               (std::isfinite(share.value)    ? with_range(fixed(100.0 * share.value, 1) + " %", share.range, 1, 100.0)
                : c.by_honest.counted.empty() ? "unmeasured, as no feature is counted"
                                              : "none, as nothing changed");
  if (flips.empty()) return "";
  return "\"survived\" bears the loss of 19 % of a feature's firings, \"destroyed\" takes 75 %; a " +
         std::string(activation_names[static_cast<std::size_t>(a.activation)]) +
         " SAE, not to be ranked with others: flips of its gate carry of the error's energy" +
         (a.headline.guarded_r ? ", over what the honest protocol counts, " : " ") + flips + "\n";
}

/// ": rarity 0.998, log_mean 0.997 (intervals unmeasured)", of `all_predictors`.
inline std::string reliabilities_text(std::span<const double> of_predictors) {
  std::string out;
  for (std::size_t i = 0; i < of_predictors.size(); ++i)
    out += (i == 0 ? ": " : ", ") + std::string(predictor_names[static_cast<std::size_t>(all_predictors[i])]) + " " +
           fixed(of_predictors[i], 3);
  return out.empty() ? out : out + " (intervals unmeasured)";
}

/// Whether survival could be foretold from the reference alone, a line for each condition.
inline std::string predictions_table(const audit_result& a, table_form form = table_form::columns) {
  text_table table({"predicted survival" + std::string(beside_published(a)), "survived", "AUC honest", "95 %",
                    "by families", "unfitted baseline", "95 %", "AUC published", "fold sd"});
  for (const condition_result& c : a.conditions) {
    if (c.reference || c.ladder_only) continue;
    const auto& h = c.honest_auc;
    const auto& p = c.published_auc;
    table.add({c.policy, std::to_string(h.survived) + "/" + std::to_string(h.features), fixed(h.auc.value, 3),
               range_text(h.auc.range, 3), h.result ? range_text(h.result->over_families.range, 3) : "-",
               fixed(c.baseline_auc.value, 3), range_text(c.baseline_auc.range, 3), fixed(p.auc.value, 3),
               p.result ? fixed(p.result->cross_validated.deviation, 3) : "-"});
  }
  return table.str(form);
}

/// What stands below that table: what folds keep together, and how well predictors would repeat, half of the groups of
/// rows against half.  Both are the reference's, the same for all conditions; empty where none could be fitted.
inline std::string predictions_note(const audit_result& a) {
  for (const condition_result& c : a.conditions) {
    if (!c.honest_auc.result) continue;
    std::string out = "folds keep " + std::to_string(c.honest_auc.result->families) + " families of " +
                      std::to_string(c.honest_auc.features) + " features together; reliability of the predictors";
    return out + reliabilities_text(c.honest_auc.result->predictor_reliability) + "\n";
  }
  return {};
}

/// What stands at the foot of a table of which some numbers have no interval.
inline std::string without_interval(std::string_view columns) {
  return "without an interval: " + std::string(columns) + "\n";
}

}  // namespace qfa

#endif
