// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_FUZZ_SEED_FOLDER_HPP
#define QFA_TESTS_FUZZ_SEED_FOLDER_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Folders of inputs that fuzzing begins with, and such inputs as no file of tests/data has.

namespace qfa_fuzz {

class seed_folder {
 public:
  /// Two folders of one target keep apart by what their files' names begin with.
  seed_folder(const std::filesystem::path& root, std::string_view target, std::string begin = "seed-")
      : path_(root / target), begin_(std::move(begin)) {
    std::filesystem::create_directories(path_);
  }
  void add(std::string_view content) {
    std::ofstream out(path_ / (begin_ + std::to_string(count_++)), std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  /// The file, behind `prefix`, unless it is too long for a fuzzer to be quick with.
  void add_file(const std::filesystem::path& file, const std::string& prefix = {}) {
    if (std::filesystem::file_size(file) > 20'000) return;
    std::ifstream in(file, std::ios::binary);
    add(prefix + std::string(std::istreambuf_iterator<char>(in), {}));
  }

 private:
  std::filesystem::path path_;
  std::string begin_;
  std::size_t count_ = 0;
};

inline std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

/// The weights that `tiny_model_config` speaks of, as safetensors: floats of 0.1875.
inline std::string tiny_model() {
  const std::pair<const char*, const char*> tensors[] = {
      {"embed_tokens", "2,2"},
      {"norm", "2"},
      {"layers.0.input_layernorm", "2"},
      {"layers.0.post_attention_layernorm", "2"},
      {"layers.0.self_attn.q_proj", "2,2"},
      {"layers.0.self_attn.k_proj", "2,2"},
      {"layers.0.self_attn.v_proj", "2,2"},
      {"layers.0.self_attn.o_proj", "2,2"},
      {"layers.0.mlp.gate_proj", "2,2"},
      {"layers.0.mlp.up_proj", "2,2"},
      {"layers.0.mlp.down_proj", "2,2"},
  };
  std::string header;
  std::size_t end = 0;
  for (const auto& [name, shape] : tensors) {
    const std::size_t begin = end;
    end += std::string_view(shape).size() == 1 ? 8 : 16;
    header += (header.empty() ? "{" : ",") + ("\"model." + std::string(name)) +
              R"(.weight":{"dtype":"F32","shape":[)" + shape + "],\"data_offsets\":[" + std::to_string(begin) + ',' +
              std::to_string(end) + "]}";
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size() % 256);
  file[1] = static_cast<char>(header.size() / 256);
  return file + header + std::string(end, '\x3e');
}

}  // namespace qfa_fuzz

#endif
