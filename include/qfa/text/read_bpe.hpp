// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_READ_BPE_HPP
#define QFA_TEXT_READ_BPE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/text/bpe.hpp"
#include "qfa/text/token_words.hpp"

namespace qfa {

namespace detail {

/// The halves of a merge: ["a", "b"], or "a b" in files from before 2024, where neither half can hold a space.
inline std::pair<std::string, std::string> halves_of(const json& merge, std::size_t rank, const std::string& where) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  if (merge.is_string()) {
    const auto& text = merge.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos)
      return {text.substr(0, space), text.substr(space + 1)};
  }
  fail("merge " + std::to_string(rank) + " in " + where +
       " is neither a pair of words nor two words with a space between");
}

}  // namespace detail

/// The "model" of a tokenizer.json.  `added` has words that stand outside it, with ids of their own.
///
/// Throws for a model of another kind, for one with parts that are not known here (dropout, marks within or at the end
/// of words), and for merges whose words have no id or are empty.  A merge is longer than its halves, so that none can
/// lead back to itself.
inline byte_pair_encoder read_bpe(const json& model, token_words added) {
  const std::string where = added.where();
  const json_fields fields(model, where);
  const std::string type = fields.text("type").value_or("BPE");
  if (type != "BPE")
    fail("the tokenizer in " + where + " is a " + in_quotes(type) +
         ", and known are BPE in tokenizer.json and SentencePiece's tokenizer.model");
  if (fields.number("dropout").value_or(0.0) != 0.0) fail("the tokenizer in " + where + " drops merges at random");
  for (const char* mark : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!fields.text(mark).value_or("").empty())
      fail("the tokenizer in " + where + " has a " + std::string(mark) + ", which is known of WordPiece only");
  const auto vocabulary = fields.object("vocab");
  const json* const merges = fields.find("merges");
  if (!vocabulary || merges == nullptr || !merges->is_array())
    fail("the model in " + where + " should have \"vocab\", an object, and \"merges\", an array");

  token_words words = std::move(added);
  for (const auto& [word, id] : model.at("vocab").items()) {
    if (!id.is_number_unsigned()) fail("the id of " + in_quotes(word) + " in " + where + " should be a whole number");
    words.add(word, id.get<std::uint64_t>());
  }
  std::vector<byte_pair_encoder::merge> ranked;
  ranked.reserve(merges->size());
  for (const json& merge : *merges) {
    const auto [left, right] = detail::halves_of(merge, ranked.size(), where);
    if (left.empty() || right.empty())
      fail("merge " + std::to_string(ranked.size()) + " in " + where + " has an empty half");
    const auto id = [&](const std::string& word) {
      const auto found = words.find(word);
      if (!found)
        fail("merge " + std::to_string(ranked.size()) + " in " + where + " is of " + in_quotes(word) +
             ", which has no id");
      return *found;
    };
    ranked.push_back({id(left), id(right), id(left + right)});
  }
  bpe_rules rules{.ignore_merges = fields.flag("ignore_merges").value_or(false),
                  .byte_fallback = fields.flag("byte_fallback").value_or(false),
                  .fuse_unknown = fields.flag("fuse_unk").value_or(false)};
  if (const auto unknown = fields.text("unk_token"); unknown && !unknown->empty()) {
    rules.unknown = words.find(*unknown);
    if (!rules.unknown) fail("the unknown token " + in_quotes(*unknown) + " in " + where + " has no id");
  }
  return {std::move(words), ranked, rules};
}

}  // namespace qfa

#endif
