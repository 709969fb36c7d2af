// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_NUMBER_SET_HPP
#define QFA_COMPRESS_NUMBER_SET_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace qfa {

/// Some of the numbers from 0, or all of them: layers and channels as spec strings choose them.
///
///   "all"      every number, however many there are
///   "0|2|5-7"  0, 2, 5, 6 and 7; '|' since ',' and '+' separate options and policies
class number_set {
 public:
  /// All numbers.
  number_set() = default;
  /// These; given twice is given once.
  number_set(std::initializer_list<std::size_t> numbers) : number_set(std::vector<std::size_t>(numbers)) {}
  explicit number_set(std::vector<std::size_t> numbers) : numbers_(std::move(numbers)), all_(false) {
    std::ranges::sort(numbers_);
    numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
  }

  bool all() const noexcept { return all_; }
  bool contains(std::size_t n) const noexcept { return all_ || std::ranges::binary_search(numbers_, n); }
  /// Those listed, increasing; none where all are meant.
  const std::vector<std::size_t>& listed() const noexcept { return numbers_; }
  /// Those below `count`, increasing.
  std::vector<std::size_t> below(std::size_t count) const {
    std::vector<std::size_t> some;
    for (std::size_t n = 0; n < count; ++n)
      if (contains(n)) some.push_back(n);
    return some;
  }

  /// The shortest form: neighbors as one range from two on.  An empty set has none that reads back.
  std::string text() const {
    if (all_) return "all";
    std::string text;
    for (std::size_t i = 0; i < numbers_.size();) {
      std::size_t last = i;
      while (last + 1 < numbers_.size() && numbers_[last + 1] == numbers_[last] + 1)
        ++last;
      (text += text.empty() ? "" : "|") += std::to_string(numbers_[i]);
      if (last != i) text += "-" + std::to_string(numbers_[last]);
      i = last + 1;
    }
    return text;
  }

  /// The set that `text` writes; nothing where it writes none, names a number twice, or one of a million or more.
  static std::optional<number_set> from_text(std::string_view text) {
    if (text == "all") return number_set();
    std::vector<std::size_t> numbers;
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto number = [&]() -> std::optional<std::size_t> {
      std::size_t n = 0;
      const auto [stop, problem] = std::from_chars(at, end, n);
      if (problem != std::errc{} || n >= 1000000) return std::nullopt;
      at = stop;
      return n;
    };
    for (;;) {
      const std::optional<std::size_t> first = number();
      if (!first) return std::nullopt;
      std::size_t last = *first;
      if (at != end && *at == '-') {
        ++at;
        const std::optional<std::size_t> upper = number();
        if (!upper || *upper < *first) return std::nullopt;
        last = *upper;
      }
      for (std::size_t n = *first; n <= last; ++n)
        numbers.push_back(n);
      if (at == end) break;
      if (*at != '|' || numbers.size() > 1000000) return std::nullopt;
      ++at;
    }
    const std::size_t given = numbers.size();
    number_set set(std::move(numbers));
    if (set.numbers_.size() != given) return std::nullopt;
    return set;
  }
  static constexpr std::string_view text_kind = "numbers as 0|2|5-7, or all";

  friend bool operator==(const number_set&, const number_set&) = default;

 private:
  std::vector<std::size_t> numbers_;
  bool all_ = true;
};

}  // namespace qfa

#endif
