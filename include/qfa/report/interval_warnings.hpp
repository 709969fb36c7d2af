// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_INTERVAL_WARNINGS_HPP
#define QFA_REPORT_INTERVAL_WARNINGS_HPP

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

/// The strongest sign that a condition's intervals are too narrow, and how many others there are.
struct narrowness {
  std::string of{};           ///< the numbers that show it, the same words for every condition
  double block_length = 0.0;  ///< rows; 0: the sign is of a halving
  std::size_t advised = 0;    ///< groups that would be long enough
  double error_ratio = 0.0;   ///< of a halving
  std::size_t groups = 0, others = 0;
  double most = 0.0;
};

/// Groups that are too short come before halvings, since they say how many would do: first those of which the fewest
/// would.  Of halvings the one furthest beyond chance.  Nothing where all is well.
inline std::optional<narrowness> strongest_narrowness(const condition_result& c, const protocol& headline) {
  std::vector<narrowness> all;
  const auto short_groups = [&](const group_length_check& g, const char* of) {
    if (!g.long_enough())
      all.push_back({.of = of, .block_length = g.block_length, .advised = g.advised, .groups = g.groups});
  };
  const auto halved = [&](const halving_check& h, const char* of) {
    if (!h.agrees()) all.push_back({.of = of, .error_ratio = h.error_ratio, .groups = h.groups, .most = h.most});
  };
  if (c.loss) short_groups(c.loss->groups, "excess loss");
  if (c.code_groups) short_groups(*c.code_groups, "the codes' cosine");
  if (c.loss) {
    halved(c.loss->excess_halved, "excess loss");
    halved(c.loss->kl_halved, "KL");
  }
  halved(c.by(headline).mean_halved, "mean r");
  halved(c.by(headline).survived_halved, "the share with r above 0.9");
  if (all.empty()) return std::nullopt;
  narrowness out = *std::ranges::min_element(all, [](const narrowness& a, const narrowness& b) {
    if ((a.advised > 0) != (b.advised > 0)) return a.advised > 0;
    if (a.advised > 0) return a.advised < b.advised;
    return a.error_ratio / a.most > b.error_ratio / b.most;
  });
  out.others = all.size() - 1;
  return out;
}

/// What follows the policies that it is of; `bound` stands before the largest of several figures.
inline std::string narrowness_text(const narrowness& n, const std::string& bound) {
  std::string out = n.advised > 0 ? ": intervals are too narrow, as rows depend on each other in " + n.of + " over " +
                                        bound + fixed(n.block_length, 1) + " rows: of " + std::to_string(n.groups) +
                                        " groups of rows " + std::to_string(n.advised) + " would be long enough"
                                  : ": the interval of " + n.of +
                                        " is too narrow, as neighboring groups of rows hang together: " + "with " +
                                        std::to_string((n.groups + 1) / 2) + " instead of " + std::to_string(n.groups) +
                                        " its standard error is " + bound + fixed(n.error_ratio, 2) +
                                        " times as large, where chance allows " + fixed(n.most, 2);
  if (n.others > 0)
    out += " (" + bound + std::to_string(n.others) +
           (n.others == 1 ? " other check says so too)" : " other checks say so too)");
  return out;
}

}  // namespace detail

/// Where intervals are too narrow, as far as can be told: a sentence for all policies whose groups are too short, and
/// for all of which the same halving is the strongest sign, with the worst of their figures; nothing where all is well.
/// The report has every check of each.
inline std::string interval_warnings(const audit_result& a) {
  struct group {
    detail::narrowness worst;
    std::vector<std::string> policies;
  };
  std::vector<group> groups;
  std::size_t policies = 0;
  for (const condition_result& c : a.conditions) {
    if (c.reference || c.ladder_only) continue;
    ++policies;
    const auto sign = detail::strongest_narrowness(c, a.headline);
    if (!sign) continue;
    auto at = std::ranges::find_if(groups, [&](const group& g) {
      return sign->advised > 0 ? g.worst.advised > 0 : g.worst.advised == 0 && g.worst.of == sign->of;
    });
    if (at == groups.end()) at = groups.insert(at, group{*sign, {}});
    at->policies.push_back(c.policy);
    detail::narrowness& worst = at->worst;
    if (worst.of.find(sign->of) == std::string::npos) worst.of += " or " + sign->of;
    worst.block_length = (std::max)(worst.block_length, sign->block_length);
    worst.advised = (std::min)(worst.advised, sign->advised);
    worst.error_ratio = (std::max)(worst.error_ratio, sign->error_ratio);
    worst.others = (std::max)(worst.others, sign->others);
  }
  std::string out;
  for (const group& g : groups) {
    const bool several = g.policies.size() > 1;
    out += "warning: ";
    if (several && g.policies.size() == policies) {
      out += "all policies";
    } else {
      for (std::size_t i = 0; i < g.policies.size(); ++i)
        out += (i == 0 ? "" : ", ") + g.policies[i];
    }
    out += detail::narrowness_text(g.worst, several ? "up to " : "") + "\n";
  }
  return out;
}

}  // namespace qfa

#endif
