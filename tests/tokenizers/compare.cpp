// SPDX-License-Identifier: Apache-2.0
// compare FOLDER: the tokenizers that record.mjs wrote to a folder, on its texts, against the tokens that it recorded.
// Exits with 1 where a text's tokens differ.
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "qfa/io/checksum.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/text/tokenizer.hpp"

namespace {

/// SentencePiece does not look for special tokens in a text.
bool has_special(const std::string& text) {
  for (const char* token : {"<s>", "</s>", "<unk>"})
    if (text.find(token) != std::string::npos) return true;
  return false;
}

/// Says how many texts differ, shows some, and how fast it went.
bool agrees(const std::filesystem::path& file, const std::vector<std::string>& texts,
            const std::vector<std::string>& recorded) {
  const qfa::tokenizer words = qfa::open_tokenizer(file);
  const bool pieces = file.extension() == ".model";
  std::size_t differ = 0, compared = 0, bytes = 0;
  std::vector<std::string> shown;
  const std::clock_t begin = std::clock();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (pieces && has_special(texts[i])) continue;
    std::vector<std::uint32_t> ids;
    words.encode(texts[i], ids);
    ++compared;
    bytes += texts[i].size();
    if (qfa::hexadecimal(qfa::crc32(std::as_bytes(std::span(ids)))) == recorded.at(i)) continue;
    if (differ++ < 5) shown.push_back(qfa::in_quotes(texts[i]));
  }
  const double took = static_cast<double>(std::clock() - begin) / static_cast<double>(CLOCKS_PER_SEC);
  std::cout << file.string() << ": " << differ << " of " << compared << " texts differ ("
            << static_cast<double>(bytes) / 1e6 / took << " MB/s)\n";
  for (const std::string& text : shown)
    std::cout << "  " << text << "\n";
  return differ == 0;
}

int compare(const std::filesystem::path& folder) {
  const auto texts = qfa::read_json(folder / "texts.json").get<std::vector<std::string>>();
  bool good = true;
  std::size_t families = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    const auto recorded = qfa::read_json(entry.path() / "ids.json").get<std::vector<std::string>>();
    for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
      const auto file = entry.path() / name;
      if (!std::filesystem::exists(file)) continue;
#ifndef QFA_HAS_SENTENCEPIECE
      if (file.extension() == ".model") continue;
#endif
      good = agrees(file, texts, recorded) && good;
      ++families;
    }
  }
  return good && families > 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count != 2) qfa::fail("give the folder that record.mjs wrote");
    return compare(arguments[1]);
  } catch (const std::exception& wrong) {
    std::cerr << wrong.what() << "\n";
    return 2;
  }
}
