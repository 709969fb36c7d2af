// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_OPEN_MODEL_HPP
#define QFA_MODEL_OPEN_MODEL_HPP

#include <filesystem>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/load_gguf.hpp"

namespace qfa {

/// Reads a model from wherever it is: a Hugging Face directory, its weights as floats or as compressed-tensors, GPTQ or
/// AWQ packed them, or a GGUF file (the first of several, where it was split).  Throws
/// for a file that does not end in .gguf, and as load_model and load_gguf do.
inline language_model open_model(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return load_model(path);
  if (!std::filesystem::exists(path)) fail("there is no model " + in_quotes(path));
  if (path.extension() != ".gguf")
    fail(in_quotes(path) + " is a file, expected a Hugging Face directory or a file that ends in .gguf");
  return load_gguf(path);
}

}  // namespace qfa

#endif
