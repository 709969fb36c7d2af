// SPDX-License-Identifier: Apache-2.0
#include "align_prompts.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "audit_run.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/tokenizer_files.hpp"
#include "qfa/model/vocabulary.hpp"
#include "qfa/report/report_json.hpp"

namespace qfa_program {
namespace {

/// Prompts as text, by a tokenizer that is opened when the first of them is met.
class prompt_texts {
 public:
  prompt_texts(const align_arguments& a, const qfa::model_config& config) : a_(a), config_(config) {}

  const single_texts& words() {
    if (!words_) words_ = open_single_texts(a_.text, a_.model, config_.bos);
    return *words_;
  }
  std::size_t encoded() const { return encoded_; }
  std::size_t without_bos() const { return without_bos_; }

  std::vector<std::uint32_t> encode(std::string_view text) {
    std::vector<std::uint32_t> out =
        words().encode(a_.prompt_template.empty() ? std::string(text) : qfa::wrapped_prompt(a_.prompt_template, text));
    const std::optional<std::uint32_t> bos = a_.prompt_bos ? words().token("bos") : words().bos;
    const bool lacks = bos && (out.empty() || out.front() != *bos);
    if (a_.prompt_bos && lacks) out.insert(out.begin(), *bos);
    without_bos_ += std::size_t{!a_.prompt_bos && lacks};
    ++encoded_;
    return out;
  }

 private:
  const align_arguments& a_;
  const qfa::model_config& config_;
  std::optional<single_texts> words_;
  std::size_t encoded_ = 0, without_bos_ = 0;
};

/// A list of words where one is named, the tokenizer where it made the prompts or is named, and otherwise what the
/// model has.
qfa::response_reader reader_of(const align_arguments& a, prompt_texts& texts) {
  const std::filesystem::path beside = std::filesystem::path(a.model) / "vocab.json";
  const bool by_tokenizer = texts.encoded() > 0 || !a.text.tokenizer.empty() ||
                            (!qfa::path_exists(beside) && names_tokenizer(a.text, a.model));
  if (a.vocabulary.empty() && by_tokenizer) return texts.words().read;
  const std::filesystem::path words = a.vocabulary.empty() ? beside : std::filesystem::path(a.vocabulary);
  if (!qfa::path_exists(words))
    qfa::fail("there is no " + qfa::in_quotes(words.string()) +
              ", by which responses are read, and no tokenizer: --vocabulary takes a file of words and their ids");
  return [known = qfa::vocabulary::read(words)](std::span<const std::uint32_t> ids) { return known.text(ids); };
}

}  // namespace

asked_prompts read_asked_prompts(const align_arguments& a, const qfa::model_config& config) {
  const bool lines = !a.harmful.empty() || !a.harmless.empty();
  if (lines != a.prompts.empty() || a.harmful.empty() != a.harmless.empty())
    qfa::fail("give either --prompts FILE, or --harmful FILE and --harmless FILE with a prompt a line");
  prompt_texts texts(a, config);
  const qfa::prompt_encoder encode = [&](std::string_view text) { return texts.encode(text); };
  asked_prompts out;
  if (lines) {
    qfa::deal_prompts(out.prompts, qfa::prompt_label::harmful, read_lines(a.harmful), encode, config.vocabulary,
                      qfa::in_quotes(a.harmful));
    qfa::deal_prompts(out.prompts, qfa::prompt_label::harmless, read_lines(a.harmless), encode, config.vocabulary,
                      qfa::in_quotes(a.harmless));
    qfa::check_prompts(out.prompts, qfa::in_quotes(a.harmful) + " and " + qfa::in_quotes(a.harmless));
  } else {
    out.prompts = qfa::read_prompts(a.prompts, config.vocabulary, encode);
  }
  if (texts.encoded() == 0 && (a.prompt_bos || !a.prompt_template.empty()))
    qfa::fail(std::string(a.prompt_bos ? "--prompt-bos" : "--prompt-template") +
              " means nothing with prompts that are tokens already");
  if (texts.encoded() > 0 && !out.prompts.end && a.end_of_response.empty())
    qfa::fail("prompts that are text need --end-of-response eos, none or a token: say what ends a response");
  if (a.end_of_response == "none")
    out.prompts.end.reset();
  else if (!a.end_of_response.empty())
    out.prompts.end = texts.words().token(a.end_of_response);
  if (out.prompts.end && *out.prompts.end >= config.vocabulary)
    qfa::fail("--end-of-response is token " + std::to_string(*out.prompts.end) +
              ", but the model's vocabulary ends at " + std::to_string(config.vocabulary - 1));
  if (a.max_new_tokens > 0) out.prompts.max_new_tokens = a.max_new_tokens;
  out.reader = reader_of(a, texts);
  if (texts.encoded() == 0) return out;

  // The tokenizer may lie elsewhere, with a configuration of its own.
  const std::filesystem::path beside = std::filesystem::absolute(texts.words().file).parent_path();
  if (texts.without_bos() > 0 && (qfa::expects_bos(a.model, config) || qfa::expects_bos(beside, config)))
    out.warnings.push_back(std::to_string(texts.without_bos()) +
                           " prompts do not begin with BOS, which the model expects: --prompt-bos puts it there");
  if (a.prompt_template.empty() && (qfa::has_chat_template(a.model) || qfa::has_chat_template(beside)))
    out.warnings.emplace_back(
        "the model has a chat template, and the prompts were given to it without: --prompt-template \"...{}...\" says "
        "what stands around them");
  // Other tokenizers know such tokens, and may have no token for a mark's own letters.
  if (texts.words().kind == "SentencePiece")
    if (const auto marks = texts.words().marks_read_as_text(a.prompt_template); !marks.empty())
      out.warnings.push_back("SentencePiece reads " + qfa::text_in_quotes(marks.front()) +
                             " in --prompt-template as the text that it is, and not as one token: a tokenizer.json "
                             "knows such tokens");
  out.made = {{"tokenizer", texts.words().file},
              {"kind", texts.words().kind},
              {"crc32", texts.words().checksum},
              {"template", a.prompt_template.empty() ? "{}" : a.prompt_template},
              {"bos", a.prompt_bos},
              {"encoded", texts.encoded()},
              {"end_of_response", out.prompts.end ? qfa::report_json(*out.prompts.end) : qfa::report_json(nullptr)},
              {"max_new_tokens", out.prompts.max_new_tokens}};
  return out;
}

}  // namespace qfa_program
