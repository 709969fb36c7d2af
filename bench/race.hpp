// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BENCH_RACE_HPP
#define QFA_BENCH_RACE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace qfa_bench {

/// How long something took: on the clock on the wall, and of the processors, over all threads of this process.
struct duration {
  double wall = 0.0, processor = 0.0;
};

inline double processor_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class F>
duration time_of(F&& f) {
  const double processor = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  f();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), processor_seconds() - processor};
}

/// The middle, and the quarters on either side.
struct spread {
  double low = 0.0, median = 0.0, high = 0.0;
};

inline spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double level) {
    const double place = level * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return {at(0.25), at(0.5), at(0.75)};
}

/// Contestants that run in turn, A B C A B C: what slows the machine down slows all of them, and a ratio is the median
/// of the ratios within each round.
class race {
 public:
  /// What a contestant reports in a round: a number for each name.
  using record = std::map<std::string, double>;

  void add(std::function<void(record&)> contestant) { contestants_.push_back(std::move(contestant)); }

  /// One round to warm up, which does not count, and `rounds` that do.
  void run(std::size_t rounds) {
    for (std::size_t r = 0; r <= rounds; ++r) {
      record seen;
      for (const auto& contestant : contestants_)
        contestant(seen);
      if (r > 0) rounds_.push_back(std::move(seen));
    }
  }

  bool has(const std::string& name) const { return !rounds_.empty() && rounds_.front().contains(name); }
  spread of(const std::string& name) const {
    std::vector<double> values;
    for (const record& round : rounds_)
      values.push_back(round.at(name));
    return spread_of(std::move(values));
  }
  spread ratio(const std::string& over, const std::string& under) const {
    std::vector<double> values;
    for (const record& round : rounds_)
      values.push_back(round.at(over) / round.at(under));
    return spread_of(std::move(values));
  }

 private:
  std::vector<std::function<void(record&)>> contestants_;
  std::vector<record> rounds_;
};

/// A table of one heading and some columns, printed as text or as Markdown.
class table {
 public:
  table(std::vector<std::string> headings, bool markdown) : rows_{std::move(headings)}, markdown_(markdown) {}

  void add(std::vector<std::string> cells) {
    cells.resize(rows_.front().size());
    rows_.push_back(std::move(cells));
  }
  void print() const {
    std::vector<std::size_t> width(rows_.front().size(), 0);
    for (const auto& row : rows_)
      for (std::size_t c = 0; c < row.size(); ++c)
        width[c] = std::max(width[c], row[c].size());
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t c = 0; c < rows_[r].size(); ++c)
        if (markdown_)
          std::printf("| %s ", rows_[r][c].c_str());
        else
          std::printf(c == 0 ? "%-*s" : "  %*s", static_cast<int>(width[c]), rows_[r][c].c_str());
      std::puts(markdown_ ? "|" : "");
      if (r == 0 && markdown_) {
        for (std::size_t c = 0; c < width.size(); ++c)
          std::printf(c == 0 ? "|---" : "|--:");
        std::puts("|");
      }
    }
    std::puts("");
  }

 private:
  std::vector<std::vector<std::string>> rows_;
  bool markdown_;
};

inline std::string text_of(double value, const char* format) {
  char out[32];
  std::snprintf(out, sizeof out, format, value);
  return out;
}

/// "0.93 (0.92-0.95)": the median and the quarters.
inline std::string text_of(const spread& s, const char* format) {
  return text_of(s.median, format) + " (" + text_of(s.low, format) + "-" + text_of(s.high, format) + ")";
}

}  // namespace qfa_bench

#endif
