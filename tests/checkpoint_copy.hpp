// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_CHECKPOINT_COPY_HPP
#define QFA_TESTS_CHECKPOINT_COPY_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/half.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/io/safetensors_writer.hpp"
#include "qfa/io/sharded_safetensors.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// A tensor in memory that can be spoiled.
struct tensor_copy {
  qfa::dtype type = qfa::dtype::f32;
  std::vector<std::size_t> shape;
  std::vector<std::byte> bytes;

  /// Element i, as T.
  template <class T>
  void set(std::size_t i, T x) {
    std::memcpy(bytes.data() + i * sizeof(T), &x, sizeof(T));
  }
};

template <class T>
tensor_copy make_tensor(qfa::dtype type, std::vector<std::size_t> shape, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {type, std::move(shape), {bytes.begin(), bytes.end()}};
}

/// A checkpoint's configuration and tensors in memory, and the directory that they can be written to.
class checkpoint_copy {
 public:
  qfa::json config = qfa::json::object();
  std::map<std::string, tensor_copy> tensors;

  checkpoint_copy() = default;
  explicit checkpoint_copy(const std::filesystem::path& from) : config(qfa::read_json(from / "config.json")) {
    const qfa::safetensors file(from / "model.safetensors");
    for (const qfa::stored_tensor& t : file.tensors())
      tensors[t.name] = {t.type, t.shape, t.bytes.read()};
  }

  const std::filesystem::path& folder() const { return folder_.path(); }

  /// Writes config.json and model.safetensors, and says where.
  const std::filesystem::path& write() const {
    folder_.write("config.json", config.dump());
    std::vector<qfa::tensor_to_write> all;
    for (const auto& [name, t] : tensors)
      all.push_back({name, t.type, t.shape, t.bytes});
    qfa::write_safetensors(folder_.path() / "model.safetensors", all);
    return folder_.path();
  }
  qfa::sharded_safetensors files() const { return qfa::sharded_safetensors(write(), {qfa::file_access::read}); }

 private:
  scratch folder_;
};

/// The folder of an oracle checkpoint.
inline std::filesystem::path checkpoint(const std::string& name) {
  return std::filesystem::path(QFA_TEST_DATA) / "checkpoints" / name;
}

}  // namespace qfa_test

#endif
