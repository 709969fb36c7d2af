// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_JSON_HPP
#define QFA_IO_JSON_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

using json = nlohmann::json;

/// How much a text may ask for.  A value takes 16 bytes and more where its text may take two.
struct json_limits {
  std::size_t depth = 64;           ///< arrays and objects within one another
  std::size_t values = 10'000'000;  ///< all together
};

namespace detail {

/// Builds the document as the parser reads along, so that a text can be refused before it is large: too deep, too
/// many values, or one name twice in an object (which of the two would count?).
class json_builder {
 public:
  explicit json_builder(json_limits limits) : limits_(limits) {}

  json take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

  bool null() { return add(nullptr); }
  bool boolean(bool x) { return add(x); }
  bool number_integer(std::int64_t x) { return add(x); }
  bool number_unsigned(std::uint64_t x) { return add(x); }
  bool number_float(double x, const std::string&) { return add(x); }
  bool string(std::string& x) { return add(std::move(x)); }
  bool binary(json::binary_t&) { return refuse("it holds binary data"); }
  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (open_.back()->contains(name)) return refuse("it has the name " + in_quotes(name) + " twice in one object");
    key_ = std::move(name);
    return true;
  }
  template <class Exception>
  bool parse_error(std::size_t position, const std::string&, const Exception&) {
    return refuse("it breaks off or goes wrong at byte " + std::to_string(position));
  }

 private:
  bool add(json value) { return place(std::move(value)) != nullptr; }
  bool open(json value) {
    if (open_.size() == limits_.depth)
      return refuse("it is nested more than " + std::to_string(limits_.depth) + " levels deep");
    json* const placed = place(std::move(value));
    if (placed != nullptr) open_.push_back(placed);
    return placed != nullptr;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  // Pointers on the stack stay good: an array grows only while its last element is closed.
  json* place(json value) {
    if (++values_ > limits_.values) {
      refuse("it holds more than " + std::to_string(limits_.values) + " values");
      return nullptr;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
    return false;
  }

  json_limits limits_;
  std::size_t values_ = 0;
  json root_;
  std::vector<json*> open_;
  std::string key_;
  std::string problem_;
};

}  // namespace detail

/// A JSON text as a value.  Throws, naming `where`, unless it is one valid value in UTF-8 within the limits and no
/// object has a name twice.
inline json parse_json(std::string_view text, const std::string& where, json_limits limits = {}) {
  // The parser takes a zero byte for the end of its input, and would not see what follows.
  if (text.find('\0') != std::string_view::npos) fail(where + " is not valid JSON: it holds a zero byte");
  detail::json_builder builder(limits);
  if (!json::sax_parse(text, &builder)) fail(where + " is not valid JSON: " + builder.problem());
  return builder.take();
}

/// A file's JSON as a value, under the same conditions.
inline json read_json(const std::filesystem::path& path, file_access access = file_access::mapped) {
  const file_bytes file(path, access);
  return parse_json(file.text(), in_quotes(path));
}

}  // namespace qfa

#endif
