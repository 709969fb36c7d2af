// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_WEIGHT_PLAN_FILE_HPP
#define QFA_COMPRESS_WEIGHT_PLAN_FILE_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/checksum.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"

// A plan as a file, JSON:
//
//   { "format": "qfa weight plan", "version": 1, "note": "who made it and why",
//     "tensors": [ { "name": "model.layers.0.mlp.down_proj.weight", "policy": "rtn:bits=6" } ],
//     "rest": "rtn:bits=4" }

namespace qfa {

inline constexpr std::string_view weight_plan_format = "qfa weight plan";
inline constexpr std::size_t weight_plan_version = 1;

/// The file's text, which ends with a newline.  Policies stand there by their names: those of spec strings read back.
inline std::string weight_plan_text(const weight_plan& plan, const std::string& note = {}) {
  json tensors = json::array();
  for (const weight_plan_part& part : plan.tensors.parts())
    tensors.push_back({{"name", part.tensors}, {"policy", part.policy.name()}});
  json out{{"format", weight_plan_format},
           {"version", weight_plan_version},
           {"tensors", std::move(tensors)},
           {"rest", plan.rest.name()}};
  if (!note.empty()) out["note"] = note;
  return out.dump(1) + "\n";
}

/// Writes it whole or not at all.  Throws where `path` cannot be written.
inline void write_weight_plan(const weight_plan& plan, const std::filesystem::path& path,
                              const std::string& note = {}) {
  atomic_file to(path);
  to.stream() << weight_plan_text(plan, note);
  to.commit();
}

/// The plan that a file's text holds; `parse` makes policies of their specs, and `where` names the file, in quotes.
/// Throws, naming file and field, where something is missing, of another kind or unknown, and where `parse` does.
inline weight_plan weight_plan_from_text(std::string_view text, const std::string& where, const nested_parser& parse) {
  const json whole = parse_json(text, where);
  const json_fields fields(whole, where);
  if (const auto format = fields.text("format"); format != weight_plan_format)
    fail(where + " is no plan: its \"format\" should be " + in_quotes(weight_plan_format));
  if (const std::size_t given = fields.needed_size("version"); given != weight_plan_version)
    fail("\"version\" in " + where + " is " + std::to_string(given) + ", of which only 1 is known");
  const auto refuse_others = [](const json& object, std::initializer_list<std::string_view> known,
                                const std::string& place) {
    for (const auto& [key, ignored] : object.items()) {
      bool found = false;
      for (const std::string_view k : known)
        found = found || k == key;
      if (!found) fail(place + " has the field " + in_quotes(key) + ", which plans do not have");
    }
  };
  refuse_others(whole, {"format", "version", "note", "tensors", "rest"}, where);
  (void)fields.text("note");
  const auto policy_in = [&](const json_fields& from) {
    const std::string spec = from.needed_text("policy");
    try {
      return parse(spec);
    } catch (const error& wrong) {
      fail(from.where() + " has a \"policy\" that cannot be read: " + wrong.what());
    }
  };
  const json* const list = fields.find("tensors");
  if (list == nullptr || !list->is_array()) fail(where + " should have \"tensors\", a list of names with policies");
  std::vector<weight_plan_part> parts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = "tensor " + std::to_string(i) + " of " + where;
    const json_fields part((*list)[i], place);
    refuse_others((*list)[i], {"name", "policy"}, place);
    parts.push_back({part.needed_text("name"), policy_in(part)});
  }
  const json rest{{"policy", fields.needed_text("rest")}};
  try {
    weight_plan plan{.tensors = std::move(parts), .rest = policy_in(json_fields(rest, "\"rest\" in " + where))};
    plan.validate();
    return plan;
  } catch (const error& wrong) {
    const std::string sentence = wrong.what();
    fail(sentence.find(where) != std::string::npos ? sentence : where + ": " + sentence);
  }
}

/// How many plan files may be read within one another: a policy of a plan may be the plan of another file.
inline constexpr std::size_t most_nested_plan_files = 8;
/// How many times plan files may be read for one policy, one that is named again included: eight that each name the
/// next ten times would be read a hundred million times.
inline constexpr std::size_t most_plan_file_readings = 1000;

namespace detail {

/// Holds the place of a plan file among those that this thread is in the middle of reading.
class plan_file_being_read {
 public:
  /// Throws where the file is being read already, and so names itself, and where too many are, or have been.
  explicit plan_file_being_read(const std::filesystem::path& path) {
    if (open().empty()) readings() = 0;
    std::error_code ignored;
    std::filesystem::path file = std::filesystem::weakly_canonical(path, ignored);
    for (const std::filesystem::path& other : open())
      if (other == file) fail("the plan in " + in_quotes(path) + " names itself, directly or through another file");
    if (open().size() == most_nested_plan_files)
      fail("plan files may name one another " + std::to_string(most_nested_plan_files) + " deep, no deeper");
    if (readings() == most_plan_file_readings)
      fail("plan files may be read " + std::to_string(most_plan_file_readings) + " times for one policy, no more: " +
           in_quotes(path) + " is one too many");
    ++readings();
    open().push_back(std::move(file));
  }
  plan_file_being_read(const plan_file_being_read&) = delete;
  plan_file_being_read& operator=(const plan_file_being_read&) = delete;
  ~plan_file_being_read() { open().pop_back(); }

 private:
  static std::vector<std::filesystem::path>& open() {
    thread_local std::vector<std::filesystem::path> paths;
    return paths;
  }
  static std::size_t& readings() {
    thread_local std::size_t count = 0;
    return count;
  }
};

}  // namespace detail

/// The same of a file.  Throws also where it names itself, directly or through other files, and where they are nested
/// deeper than `most_nested_plan_files` or read more often than `most_plan_file_readings`.
inline weight_plan read_weight_plan(const std::filesystem::path& path, const nested_parser& parse) {
  const file_bytes file(path);
  const detail::plan_file_being_read here(path);
  return weight_plan_from_text(file.text(), in_quotes(path), parse);
}

/// A file with a plan, as a spec string names it, and the plan.  Parentheses around the path are not part of it: those
/// with commas need some.
struct weight_plan_source {
  std::string path{};
  std::uint32_t checksum = 0;  ///< of the file's bytes
  std::shared_ptr<const weight_plan> plan = std::make_shared<const weight_plan>();

  static constexpr std::string_view text_kind = "a file that `qfa allocate` writes";
  std::string text() const { return path.find_first_of(",+=:;&") == std::string::npos ? path : "(" + path + ")"; }
  static std::optional<weight_plan_source> from_text(std::string_view text, const nested_parser& parse) {
    if (text.size() >= 2 && text.front() == '(' && text.back() == ')') text = text.substr(1, text.size() - 2);
    weight_plan_source out{.path = std::string(text)};
    const file_bytes file(out.path);
    running_crc32 sum;
    sum(std::as_bytes(std::span(file.text())));
    out.checksum = sum.value();
    const detail::plan_file_being_read here(out.path);
    out.plan = std::make_shared<const weight_plan>(weight_plan_from_text(file.text(), in_quotes(out.path), parse));
    return out;
  }
};

/// What a file must be to the byte: eight hexadecimal digits, or "any".
struct file_checksum {
  std::optional<std::uint32_t> crc{};

  static constexpr std::string_view text_kind = "eight hexadecimal digits, or any";
  std::string text() const { return crc ? hexadecimal(*crc) : "any"; }
  static std::optional<file_checksum> from_text(std::string_view text) {
    if (text == "any") return file_checksum{};
    if (text.size() != 8) return std::nullopt;
    std::uint32_t crc = 0;
    for (const char c : text) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      crc = crc << 4U | static_cast<std::uint32_t>(digit);
    }
    return file_checksum{crc};
  }
};

/// The plan in a file.  Its name holds the file's checksum, so that what a report or a checkpoint calls it is refused
/// once the file is another one.
struct weight_plan_file {
  weight_plan_source file{};
  file_checksum crc{};

  const weight_plan& plan() const noexcept { return *file.plan; }

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const { plan()(weights, info); }
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    plan()(weights, info, known);
  }
  std::optional<double> stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info) const {
    return plan().stored_bits(rows, columns, info);
  }
  std::string name_for(const tensor_info& info) const { return plan().name_for(info); }
  calibration_needs needs() const { return plan().needs(); }
  bool keeps_codes() const { return plan().keeps_codes(); }
  void check_tensors(std::span<const tensor_info> chosen) const { plan().check_tensors(chosen); }

  static constexpr std::string_view spec_name = "plan_file";
  static constexpr std::string_view summary = "the plan in a file, as qfa allocate writes it";
  static constexpr auto fields() {
    return std::tuple{field{"file", &weight_plan_file::file, "where it is", true},
                      field{"crc", &weight_plan_file::crc, "CRC-32 that the file must have"}};
  }
  std::string name() const { return spec_of(weight_plan_file{file, {file.checksum}}); }

  /// Throws where the file has another checksum than `crc`.
  void validate() const {
    if (crc.crc && *crc.crc != file.checksum)
      fail(in_quotes(file.path) + " has the checksum " + hexadecimal(file.checksum) + ", expected " +
           hexadecimal(*crc.crc) + ": the plan is another one");
  }
};

static_assert(written_with_policies<weight_plan_source>);
static_assert(described_policy<weight_plan_file> && named_policy<weight_plan_file>);

}  // namespace qfa

#endif
