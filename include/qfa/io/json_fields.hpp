// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_JSON_FIELDS_HPP
#define QFA_IO_JSON_FIELDS_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"

namespace qfa {

/// The fields of a configuration file's object, each of a kind that its reader names.  A field that is missing and one
/// that is null are the same; one of another kind is refused with a sentence that names file and field.  Refers to a
/// value that somebody else keeps.
class json_fields {
 public:
  /// Throws unless the value is an object.
  json_fields(const json& object, std::string where) : object_(&object), where_(std::move(where)) {
    if (!object.is_object()) fail(where_ + " is not a JSON object");
  }

  /// The field, or a null pointer.
  const json* find(std::string_view field) const {
    const auto found = object_->find(field);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
  }
  bool contains(std::string_view field) const { return find(field) != nullptr; }

  std::optional<std::string> text(std::string_view field) const {
    const json* const value = of_kind(field, "a string", [](const json& x) { return x.is_string(); });
    return value == nullptr ? std::nullopt : std::optional(value->get<std::string>());
  }
  std::optional<bool> flag(std::string_view field) const {
    const json* const value = of_kind(field, "true or false", [](const json& x) { return x.is_boolean(); });
    return value == nullptr ? std::nullopt : std::optional(value->get<bool>());
  }
  /// A whole number that is not negative.
  std::optional<std::size_t> size(std::string_view field) const {
    const json* const value = of_kind(field, "a whole number", [](const json& x) { return x.is_number_unsigned(); });
    return value == nullptr ? std::nullopt : std::optional(value->get<std::size_t>());
  }
  std::optional<double> number(std::string_view field) const {
    const json* const value = of_kind(field, "a number", [](const json& x) { return x.is_number(); });
    return value == nullptr ? std::nullopt : std::optional(value->get<double>());
  }
  /// The fields of an object within.
  std::optional<json_fields> object(std::string_view field) const {
    const json* const value = of_kind(field, "an object", [](const json& x) { return x.is_object(); });
    return value == nullptr ? std::nullopt : std::optional(json_fields(*value, where_));
  }

  /// As above, where there must be one.
  std::string needed_text(std::string_view field) const { return needed(text(field), field, "a string"); }
  std::size_t needed_size(std::string_view field) const { return needed(size(field), field, "a whole number"); }

  /// The file's name in quotes, for messages.
  const std::string& where() const noexcept { return where_; }

 private:
  template <class Holds>
  const json* of_kind(std::string_view field, const char* kind, Holds holds) const {
    const json* const value = find(field);
    if (value != nullptr && !holds(*value)) fail(in_quotes(field) + " in " + where_ + " should be " + kind);
    return value;
  }
  template <class T>
  T needed(std::optional<T> value, std::string_view field, const char* kind) const {
    if (!value) fail(where_ + " should have " + in_quotes(field) + ", " + kind);
    return *std::move(value);
  }

  const json* object_;
  std::string where_;
};

}  // namespace qfa

#endif
