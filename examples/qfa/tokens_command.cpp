// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "commands.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/model/read_config.hpp"
#include "ranks.hpp"
#include "text_input.hpp"

namespace qfa_program {
namespace {

struct tokens_arguments {
  std::string model, out;
  text_arguments text;
};

void run(const tokens_arguments& a) {
  if (a.model.empty() && a.text.tokenizer.empty()) qfa::fail("--text needs --model DIR or --tokenizer FILE");
  std::size_t vocabulary = 0;
  std::optional<std::uint32_t> bos;
  const std::filesystem::path configuration = std::filesystem::path(a.model) / "config.json";
  if (!a.model.empty() && qfa::path_exists(configuration)) {
    const qfa::model_config config = qfa::read_config(configuration);
    vocabulary = config.vocabulary;
    bos = config.bos;
  }
  const token_stream stream = read_text_stream(a.text, a.model, vocabulary, bos);
  qfa::write_npy(a.out, {stream.ids.size()}, stream.ids);
  std::cout << a.out << ": " << stream.ids.size() << " tokens of " << stream.made.documents << " documents ("
            << stream.made.cut << "), " << stream.made.bytes << " bytes, separator " << stream.made.separator << "\n"
            << "by " << stream.made.kind << " " << stream.made.tokenizer << ", crc32 " << stream.made.checksum << "\n";
  if (stream.made.replaced > 0)
    std::cout << stream.made.replaced << " documents had bytes that are not UTF-8, now U+FFFD\n";
  if (vocabulary == 0) std::cout << "no model's configuration was there to hold the tokens against\n";
}

}  // namespace

void add_tokens(CLI::App& app) {
  auto a = std::make_shared<tokens_arguments>();
  CLI::App* command = app.add_subcommand("tokens", "makes tokens of text, a stream for --tokens");
  command->add_option("--model", a->model, "the directory of the model that they are for");
  add_text_options(*command, a->text);
  command->get_option("--text")->required();
  command->add_option("--out", a->out, "the .npy file to write")->required();
  command->callback([a] {
    if (ranks().leads()) run(*a);
  });
}

}  // namespace qfa_program
