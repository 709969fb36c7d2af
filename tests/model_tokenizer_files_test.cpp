// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/tokenizer_files.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/gguf_writer.hpp"
#include "scratch.hpp"

namespace model_tokenizer_files_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

std::filesystem::path gguf_with(const scratch& here, const std::vector<gguf_pair>& pairs) {
  const std::filesystem::path file = here.path() / "m.gguf";
  write_gguf_file(file, pairs, {});
  return file;
}

/// Whether a model of a directory with only this file expects BOS.
bool expected_by(const char* name, const std::string& text) {
  const scratch here;
  here.write(name, text);
  return expects_bos(here.path(), {});
}

}  // namespace

TEST_CASE("configured_token: a string, or an object around one, and nothing else") {
  const scratch here;
  CHECK(!configured_token(here.path(), "bos_token"));
  here.write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false},
    "pad_token": null, "unk_token": {"content": 3}, "mask_token": ["<m>"], "cls_token": {}})");
  CHECK(configured_token(here.path(), "bos_token") == "<s>");
  CHECK(configured_token(here.path(), "eos_token") == "</s>");
  for (const char* key : {"pad_token", "unk_token", "mask_token", "cls_token", "sep_token"})
    CHECK(!configured_token(here.path(), key));
  here.write("tokenizer_config.json", R"(["bos_token"])");
  CHECK(!configured_token(here.path(), "bos_token"));
  here.write("tokenizer_config.json", "{");
  check_refused([&] { configured_token(here.path(), "bos_token"); }, {"tokenizer_config.json", "not valid JSON"});
}

TEST_CASE("expects_bos: tokenizer_config.json says so, or else what its tokenizer puts first") {
  CHECK(expected_by("tokenizer_config.json", R"({"add_bos_token": true})"));
  CHECK(!expected_by("tokenizer_config.json", R"({"add_bos_token": false})"));
  CHECK(!expected_by("tokenizer_config.json", R"({"add_bos_token": "true", "bos_token": "<s>"})"));
  CHECK(!expected_by("README.md", "nothing"));
  const std::string special = R"({"SpecialToken": {"id": "<s>", "type_id": 0}})", text = R"({"Sequence": {"id": "A"}})";
  const auto step = [](const std::string& pieces) {
    return R"({"type": "TemplateProcessing", "single": [)" + pieces + "]}";
  };
  const auto file = [](const std::string& made) { return R"({"post_processor": )" + made + "}"; };
  CHECK(expected_by("tokenizer.json", file(step(special + "," + text))));
  CHECK(!expected_by("tokenizer.json", file(step(text + "," + special))));
  CHECK(expected_by("tokenizer.json", file(R"({"processors": [{"type": "ByteLevel"}, )" + step(special) + "]}")));
  for (const char* other : {"null", "[]", "{}", R"({"single": []})", R"({"single": [1]})", R"({"single": {"a": 1}})",
                            R"({"processors": [1, [], {}]})", R"({"processors": 7})"})
    CHECK(!expected_by("tokenizer.json", file(other)));
  CHECK(!expected_by("tokenizer.json", "[]"));
  // What the configuration says stands before what the tokenizer does.
  const scratch here;
  here.write("tokenizer.json", file(step(special)));
  here.write("tokenizer_config.json", R"({"add_bos_token": false})");
  CHECK(!expects_bos(here.path(), {}));
  CHECK(expects_bos(here.path(), {.family = model_family::gemma2}));
}

TEST_CASE("expects_bos and has_chat_template: metadata of a GGUF file, and files of a directory") {
  const scratch here;
  CHECK(!expects_bos(gguf_with(here, {}), {}));
  CHECK(!has_chat_template(here.path() / "m.gguf"));
  const auto both = gguf_with(here, {{"tokenizer.ggml.add_bos_token", gguf_value::of(true)},
                                     {"tokenizer.chat_template", gguf_value::of("{{ messages }}")}});
  CHECK(expects_bos(both, {}));
  CHECK(has_chat_template(both));
  CHECK(!expects_bos(gguf_with(here, {{"tokenizer.ggml.add_bos_token", gguf_value::of(false)}}), {}));
  CHECK(!expects_bos(gguf_with(here, {{"tokenizer.ggml.add_bos_token", gguf_value::of("yes")}}), {}));
  const scratch folder;
  CHECK(!has_chat_template(folder.path()));
  folder.write("tokenizer_config.json", R"({"chat_template": null})");
  CHECK(!has_chat_template(folder.path()));
  folder.write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use"}]})");
  CHECK(has_chat_template(folder.path()));
  std::filesystem::remove(folder.path() / "tokenizer_config.json");
  folder.write("chat_template.jinja", "");
  CHECK(has_chat_template(folder.path()));
}

}  // namespace model_tokenizer_files_test
