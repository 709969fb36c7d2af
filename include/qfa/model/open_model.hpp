// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_OPEN_MODEL_HPP
#define QFA_MODEL_OPEN_MODEL_HPP

#include <filesystem>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/load_gguf.hpp"

namespace qfa {

/// Refuses a path that open_model could not read a model from, without reading one: what is not there, a directory
/// without config.json, and a file that does not end in .gguf.
inline void check_model_path(const std::filesystem::path& path) {
  if (!path_exists(path)) fail("there is no model " + in_quotes(path));
  if (path_is_directory(path)) {
    if (!path_exists(path / "config.json"))
      fail("there is no config.json in " + in_quotes(path) + ", expected a Hugging Face directory");
  } else if (path.extension() != ".gguf") {
    fail(in_quotes(path) + " is a file, expected a Hugging Face directory or a file that ends in .gguf");
  }
}

/// Reads a model from wherever it is: a Hugging Face directory, its weights as floats or as compressed-tensors, GPTQ or
/// AWQ packed them, or a GGUF file (the first of several, where it was split).  Throws for a file that does not end in
/// .gguf, and as load_model and load_gguf do.
inline language_model open_model(const std::filesystem::path& path) {
  check_model_path(path);
  return path_is_directory(path) ? load_model(path) : load_gguf(path);
}

}  // namespace qfa

#endif
