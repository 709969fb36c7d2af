// SPDX-License-Identifier: Apache-2.0
#include "text_input.hpp"

#include <algorithm>
#include <utility>

#include "qfa/core/error.hpp"
#include "qfa/io/checksum.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/trimmed.hpp"
#include "qfa/model/tokenizer_files.hpp"
#include "qfa/text/documents.hpp"
#ifdef QFA_HAS_TEXT
#include "qfa/text/read_text.hpp"
#endif

namespace qfa_program {

text_arguments text_arguments::of_calibration() const {
  text_arguments out = *this;
  out.files = calibration;
  return out;
}

void add_text_options(CLI::App& command, text_arguments& a) {
  const bool instead = command.get_option_no_throw("--tokens") != nullptr;  // `qfa tokens` has no other source
  const std::string what = "text in UTF-8, for the model's own tokenizer; repeatable";
  command.add_option("--text", a.files, instead ? "instead of tokens: " + what : what);
  command.add_option("--tokenizer", a.tokenizer,
                     "a tokenizer.json or tokenizer.model, or a directory with one; default the model's directory");
  command
      .add_option("--documents", a.documents,
                  "what is tokenized by itself: files, lines, or paragraphs between blank-lines (files)")
      ->check(CLI::IsMember({"files", "lines", "blank-lines"}));
  command.add_option("--separator", a.separator,
                     "what stands between documents: bos before each, eos or another token behind each, or none; "
                     "needed where there may be several");
  command
      .add_option("--invalid-utf8", a.invalid, "refuse bytes that are not UTF-8, or replace them by U+FFFD (refuse)")
      ->check(CLI::IsMember({"refuse", "replace"}));
}

void add_calibration_text(CLI::App& command, text_arguments& a) {
  command.add_option("--calibration-text", a.calibration,
                     "instead of --calibration: text, cut and separated as --text is; repeatable");
}

void check_text_options(const CLI::App& command, const std::string& tokens, const std::string& calibration,
                        const text_arguments& text) {
  if (!tokens.empty() && !text.files.empty()) qfa::fail("give either --tokens FILE or --text FILE");
  if (!calibration.empty() && !text.calibration.empty())
    qfa::fail("give either --calibration FILE or --calibration-text FILE");
  for (const char* option : {"--documents", "--separator", "--invalid-utf8"})
    if (text.files.empty() && text.calibration.empty() && command.count(option) > 0)
      qfa::fail(std::string(option) + " means nothing without --text, which it is about");
}

void check_token_source(const CLI::App& command, const std::string& tokens, const std::string& calibration,
                        const text_arguments& text) {
  if (tokens.empty() && text.files.empty()) qfa::fail("give either --tokens FILE or --text FILE");
  check_text_options(command, tokens, calibration, text);
  if (text.files.empty() && text.calibration.empty() && !text.tokenizer.empty())
    qfa::fail("--tokenizer means nothing without --text, which it is about");
}

#ifdef QFA_HAS_TEXT
namespace {

std::uint32_t id_of(const qfa::tokenizer& words, const std::string& token) {
  const auto id = words.find(token);
  if (!id) qfa::fail("the tokenizer " + qfa::in_quotes(words.file) + " has no token " + qfa::in_quotes(token));
  return *id;
}

/// The end of a text as tokenizer_config.json names it, or else config.json if that names one alone.
std::uint32_t eos_of(const qfa::tokenizer& words, const std::filesystem::path& model) {
  for (const auto& directory : {words.file.parent_path(), model})
    if (const auto token = qfa::configured_token(directory, "eos_token")) return id_of(words, *token);
  const auto file = model / "config.json";
  if (qfa::path_exists(file)) {
    const qfa::json config = qfa::read_json(file);
    if (config.is_object() && config.contains("eos_token_id") && config.at("eos_token_id").is_number_unsigned() &&
        config.at("eos_token_id").get<std::uint64_t>() < words.size)
      return config.at("eos_token_id").get<std::uint32_t>();
  }
  qfa::fail(
      "neither tokenizer_config.json nor config.json beside the model names one eos: name the token itself in place of "
      "eos");
}

/// The beginning of a text as the model's configuration has it, or else tokenizer_config.json.
std::optional<std::uint32_t> known_bos(const qfa::tokenizer& words, const std::filesystem::path& model,
                                       const std::optional<std::uint32_t>& bos) {
  if (bos) return bos;
  for (const auto& directory : {words.file.parent_path(), model})
    if (const auto token = qfa::configured_token(directory, "bos_token")) return words.find(*token);
  return std::nullopt;
}

/// `instead`: what to do where there is none.
std::uint32_t bos_of(const qfa::tokenizer& words, const std::filesystem::path& model,
                     const std::optional<std::uint32_t>& bos, const std::string& instead) {
  if (const auto id = known_bos(words, model, bos)) return *id;
  qfa::fail("neither config.json nor tokenizer_config.json beside the model names a bos that the tokenizer has: " +
            instead);
}

qfa::tokenizer open_words(const text_arguments& text, const std::filesystem::path& model) {
  if (text.tokenizer.empty() && !qfa::path_is_directory(model))
    qfa::fail(qfa::in_quotes(model) +
              " is no directory with a tokenizer: say which one reads the text, by --tokenizer");
  return qfa::open_tokenizer(text.tokenizer.empty() ? model : std::filesystem::path(text.tokenizer));
}

}  // namespace

single_texts open_single_texts(const text_arguments& text, const std::filesystem::path& model,
                               const std::optional<std::uint32_t>& bos) {
  const qfa::tokenizer words = open_words(text, model);
  return {.file = words.file.string(),
          .kind = words.kind,
          .checksum = qfa::crc32_of_file(words.file),
          .encode =
              [words](std::string_view one) {
                std::vector<std::uint32_t> out;
                words.encode(one, out);
                return out;
              },
          .read =
              [words](std::span<const std::uint32_t> ids) {
                // A response that ends within a character ends with half of its bytes.
                return std::string(qfa::trimmed(qfa::with_replacement_characters(qfa::decode_any(words, ids))));
              },
          .token =
              [words, model, bos](const std::string& name) {
                return name == "bos"   ? bos_of(words, model, bos, "write it into --prompt-template")
                       : name == "eos" ? eos_of(words, model)
                                       : id_of(words, name);
              },
          .bos = known_bos(words, model, bos),
          .marks_read_as_text = [words](std::string_view one) { return qfa::marks_read_as_text(words, one); }};
}

token_stream read_text_stream(const text_arguments& text, const std::filesystem::path& model, std::size_t vocabulary,
                              const std::optional<std::uint32_t>& bos) {
  qfa::text_options options{.vocabulary = vocabulary, .replace_invalid = text.invalid == "replace"};
  const auto cut = std::find(qfa::document_cut_names.begin(), qfa::document_cut_names.end(), text.documents);
  options.documents = static_cast<qfa::document_cut>(cut - qfa::document_cut_names.begin());
  const std::vector<std::filesystem::path> files(text.files.begin(), text.files.end());
  if (text.separator.empty() && (files.size() > 1 || options.documents != qfa::document_cut::files))
    qfa::fail("several documents need --separator bos, eos, none or a token: say what stands between them");
  const qfa::tokenizer words = open_words(text, model);
  if (text.separator == "bos")
    options.before = bos_of(words, model, bos, "give another --separator");
  else if (text.separator == "eos")
    options.after = eos_of(words, model);
  else if (!text.separator.empty() && text.separator != "none")
    options.after = id_of(words, text.separator);
  for (const auto& mark : {options.before, options.after})
    if (mark && vocabulary != 0 && *mark >= vocabulary)
      qfa::fail("the separator is token " + std::to_string(*mark) + ", but the model's vocabulary ends at " +
                std::to_string(vocabulary - 1));

  qfa::text_tokens read = qfa::read_text(files, words, options);
  token_stream out{.ids = std::move(read.ids),
                   .begins = std::move(read.begins),
                   .made = {.tokenizer = words.file.string(),
                            .kind = words.kind,
                            .checksum = qfa::crc32_of_file(words.file),
                            .cut = text.documents,
                            .separator = text.separator.empty() ? "none" : text.separator,
                            .documents = read.documents,
                            .bytes = read.bytes,
                            .tokens = 0,
                            .replaced = read.replaced},
                   .where = "the text of " + qfa::in_quotes(files.front())};
  out.made.tokens = out.ids.size();
  if (files.size() > 1) out.where += " and " + std::to_string(files.size() - 1) + " more";
  return out;
}
#else
single_texts open_single_texts(const text_arguments&, const std::filesystem::path&,
                               const std::optional<std::uint32_t>&) {
  qfa::fail("a tokenizer needs ICU (libicu-dev), which qfa was built without");
}

token_stream read_text_stream(const text_arguments&, const std::filesystem::path&, std::size_t,
                              const std::optional<std::uint32_t>&) {
  qfa::fail("--text needs ICU (libicu-dev), which qfa was built without");
}
#endif

bool names_tokenizer(const text_arguments& text, const std::filesystem::path& model) {
  return !text.tokenizer.empty() || qfa::path_exists(model / "tokenizer.json") ||
         qfa::path_exists(model / "tokenizer.model");
}

std::vector<std::string> read_lines(const std::string& file) {
  const qfa::file_bytes bytes(file);
  const std::string_view text = bytes.text();
#ifdef QFA_HAS_TEXT
  if (const std::size_t bad = qfa::first_invalid_utf8(text); bad != text.size())
    qfa::fail(qfa::in_quotes(file) + " is not UTF-8 at byte " + std::to_string(bad));
#endif
  return qfa::lines_of(text, qfa::in_quotes(file));
}

token_input read_token_input(const std::string& tokens, const text_arguments& text, const std::string& model,
                             const qfa::model_config& config, const qfa::token_options& options) {
  if (text.files.empty())
    return {.rows = qfa::read_tokens(tokens, options), .files = {tokens}, .where = "\"" + tokens + "\""};
  const token_stream stream = read_text_stream(text, model, config.vocabulary, config.bos);
  token_input out{
      .rows = qfa::rows_of_stream(stream.ids, options, stream.where, stream.begins),
      .text = stream.made,
      .files = text.files};
  out.where = stream.where + " (documents: " + stream.made.cut + ", separator: " + stream.made.separator + ", by " +
              stream.made.kind + ")";
  // A model's tokenizer.json stands among its files.
  const std::filesystem::path file = stream.made.tokenizer;
  std::error_code ignored;
  if (!std::filesystem::equivalent(file.parent_path(), model, ignored) || file.extension() != ".json")
    out.files.push_back(file.string());
  return out;
}

}  // namespace qfa_program
