// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/open_model.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "qfa/model/write_gguf.hpp"
#include "scratch.hpp"

namespace model_open_model_test {

using namespace qfa;
using qfa_test::check_refused;

const std::filesystem::path data = QFA_TEST_DATA;

TEST_CASE("open_model: a directory, a packed one and a GGUF file all open") {
  const language_model directory = open_model(data / "models" / "llama");
  CHECK(directory.quantization.empty());
  CHECK_FALSE(open_model(data / "checkpoints" / "awq").quantization.empty());

  const qfa_test::scratch folder;
  write_gguf(directory, folder.path() / "model.gguf");
  const language_model file = open_model(folder.path() / "model.gguf");
  CHECK(file.tensors.size() == directory.tensors.size());
}

TEST_CASE("open_model: what is neither is refused by name") {
  check_refused([] { open_model("/no/such/model"); }, {"there is no model", "/no/such/model"});
  check_refused([] { open_model(std::string(100'000, 'a')); }, {"there is no model"});
  check_refused([] { open_model(data / "rtn.safetensors"); }, {"rtn.safetensors", "expected a Hugging Face directory"});
  check_refused([] { check_model_path(data / "models"); }, {"models", "no config.json"});
  check_model_path(data / "models" / "llama");
  check_model_path(data / "gguf" / "mixed_v3.gguf");
}

}  // namespace model_open_model_test
