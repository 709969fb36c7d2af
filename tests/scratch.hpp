// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SCRATCH_HPP
#define QFA_TESTS_SCRATCH_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "qfa/core/error.hpp"

namespace qfa_test {

/// A directory of a test's own, gone when the test is.
class scratch {
 public:
  scratch() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() /
            ("qfa-test-" + std::to_string(random()) + "-" + std::to_string(random()));
    std::filesystem::create_directories(path_);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  /// Writes a file of these bytes and says where it is.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const {
    const std::filesystem::path to = path_ / name;
    std::filesystem::create_directories(to.parent_path());
    std::ofstream out(to, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return to;
  }

  /// How many files lie in it.
  std::size_t files() const {
    const std::filesystem::directory_iterator all(path_);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

 private:
  std::filesystem::path path_;
};

/// All bytes of a file.
inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A number's bytes, little-endian.
template <class T>
std::string bytes_of(T x) {
  std::string out(sizeof(T), '\0');
  std::memcpy(out.data(), &x, sizeof(T));
  return out;
}
template <class T>
std::string bytes_of(std::initializer_list<T> xs) {
  std::string out;
  for (const T& x : xs)
    out += bytes_of(x);
  return out;
}

/// What `action` is refused with, or "accepted".  Anything else than qfa::error, and anything but one line, fails.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const qfa::error& e) {
    const std::string sentence = e.what();
    CHECK(!sentence.empty());
    CHECK(sentence.find('\n') == std::string::npos);
    return sentence;
  }
  return "accepted";
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Checks that `action` is refused with a sentence that has every one of these parts.
template <class Action>
void check_refused(Action action, std::initializer_list<std::string_view> parts) {
  const std::string sentence = refusal(action);
  CAPTURE(sentence);
  CHECK(sentence != "accepted");
  for (const std::string_view part : parts) {
    CAPTURE(part);
    CHECK(contains(sentence, part));
  }
}

/// Feeds `read` with a valid file cut off after every byte, and with `flips` copies in which one to four random bytes
/// are changed: it must take them or throw qfa::error.  Returns how many it took, cuts and flips together.
template <class Read>
std::size_t torment(const std::string& valid, std::size_t flips, Read read) {
  std::size_t taken = 0;
  const auto attempt = [&](const std::string& bytes) {
    try {
      read(bytes);
      ++taken;
    } catch (const qfa::error&) {
    }
  };
  for (std::size_t length = 0; length < valid.size(); ++length)
    attempt(valid.substr(0, length));
  std::mt19937_64 random(20240229);
  for (std::size_t i = 0; i < flips; ++i) {
    std::string bytes = valid;
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t c = 0; c < changes; ++c)
      bytes[random() % bytes.size()] = static_cast<char>(random() & 255U);
    attempt(bytes);
  }
  return taken;
}

}  // namespace qfa_test

#endif
