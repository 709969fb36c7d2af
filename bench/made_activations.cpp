// SPDX-License-Identifier: Apache-2.0
// made_activations OUT TOKENS WIDTH FEATURES: an SAE and activations of two models, to see what an audit of many tokens
// takes.  OUT gets sae/, x.npy (a standard normal) and y.npy (the same, moved by a fifth).
//
// The SAE is ReLU.  Two features for each direction take what is above 1 and below -1; the others point anywhere and
// fire on one token in 44.  With 768 features, 64 wide, that is an L0 of 35 and an FVU of about a half.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/io/safetensors_writer.hpp"

namespace {

void write_sae(const std::filesystem::path& directory, std::size_t width, std::size_t features) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> encoder(width * features), decoder(features * width), encoder_bias(features, -2.0f);
  const std::vector<float> decoder_bias(width, 0.0f);
  for (std::size_t j = 0; j < features; ++j) {
    std::vector<float> direction(width, 0.0f);
    const bool along_axis = j < 2 * width;
    if (along_axis) {
      direction[j / 2] = j % 2 == 0 ? 1.0f : -1.0f;
      encoder_bias[j] = -1.0f;
    } else {
      float squares = 0.0f;
      for (float& x : direction) {
        x = normal(random);
        squares += x * x;
      }
      for (float& x : direction)
        x /= std::sqrt(squares);
    }
    for (std::size_t i = 0; i < width; ++i) {
      encoder[i * features + j] = direction[i];
      decoder[j * width + i] = along_axis ? direction[i] : 0.02f * direction[i];
    }
  }
  std::filesystem::create_directories(directory);
  const auto bytes = [](const std::vector<float>& x) { return std::as_bytes(std::span(x)); };
  qfa::write_safetensors(
      directory / "sae_weights.safetensors",
      std::vector<qfa::tensor_to_write>{{"W_enc", qfa::dtype::f32, {width, features}, bytes(encoder)},
                                        {"W_dec", qfa::dtype::f32, {features, width}, bytes(decoder)},
                                        {"b_enc", qfa::dtype::f32, {features}, bytes(encoder_bias)},
                                        {"b_dec", qfa::dtype::f32, {width}, bytes(decoder_bias)}});
  std::ofstream(directory / "cfg.json")
      << R"({"architecture": "standard", "d_in": )" << width << R"(, "d_sae": )" << features
      << R"(, "dtype": "float32", "apply_b_dec_to_input": false, "normalize_activations": "none",)"
      << R"( "metadata": {"hook_name": "made up", "context_size": 256, "prepend_bos": false}})" << '\n';
}

/// Pairs of normals (Box and Muller 1958), from a generator of a dozen instructions (Steele, Lea and Flood 2014):
/// std::normal_distribution takes longer than the audit.
class fast_normals {
 public:
  explicit fast_normals(std::uint64_t seed) : state_(seed) {}

  void operator()(std::vector<float>& out) {
    for (std::size_t i = 0; i + 1 < out.size(); i += 2) {
      const std::uint64_t bits = next();
      const float u = (static_cast<float>(bits >> 40U) + 1.0f) * 0x1p-24f;
      const float angle = static_cast<float>((bits >> 8U) & 0xffffffU) * (6.2831853f * 0x1p-24f);
      const float radius = std::sqrt(-2.0f * std::log(u));
      out[i] = radius * std::cos(angle);
      out[i + 1] = radius * std::sin(angle);
    }
  }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_;
};

void write_activations(const std::filesystem::path& directory, std::size_t tokens, std::size_t width) {
  fast_normals normals(2);
  qfa::npy_writer<float> reference(directory / "x.npy", {width}), compressed(directory / "y.npy", {width});
  std::vector<float> x(width + width % 2), moved(x.size());
  for (std::size_t t = 0; t < tokens; ++t) {
    normals(x);
    normals(moved);
    for (std::size_t i = 0; i < width; ++i)
      moved[i] = x[i] + 0.2f * moved[i];
    reference.append(std::span<const float>(x).first(width));
    compressed.append(std::span<const float>(moved).first(width));
  }
  reference.commit();
  compressed.commit();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    qfa::require(argc == 5, "usage: made_activations OUT TOKENS WIDTH FEATURES");
    const std::filesystem::path out = argv[1];
    const std::size_t tokens = std::stoull(argv[2]), width = std::stoull(argv[3]), features = std::stoull(argv[4]);
    qfa::require(width > 0 && features >= 2 * width, "each direction needs two features");
    std::filesystem::create_directories(out);
    write_sae(out / "sae", width, features);
    write_activations(out, tokens, width);
  } catch (const std::exception& wrong) {
    std::cerr << wrong.what() << '\n';
    return 2;
  }
  return 0;
}
