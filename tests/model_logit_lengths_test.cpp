// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/logit_lengths.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "audit_made_up.hpp"
#include "scratch.hpp"

namespace model_logit_lengths_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("logit_lengths: the length of centered logits behind the last norm's gain, by definition") {
  const language_model model = tiny_model("llama");
  const std::size_t d = model.config.hidden, vocabulary = model.config.vocabulary;
  sae dictionary = lossless_sae(d);
  for (std::size_t i = 0; i < dictionary.w_dec.size(); ++i)
    dictionary.w_dec[i] += static_cast<float>(i * 7919 % 1000) / 3000.0f;
  const std::vector<double> lengths = logit_lengths(dictionary, model);
  REQUIRE(lengths.size() == 2 * d);
  const shared_tensor& unembedding = model.at("lm_head.weight");
  const shared_tensor& gain = model.at("model.norm.weight");
  for (const std::size_t j : {std::size_t{0}, d - 1, 2 * d - 1}) {
    std::vector<double> logits(vocabulary, 0.0);
    double mean = 0.0, squares = 0.0;
    for (std::size_t v = 0; v < vocabulary; ++v) {
      for (std::size_t i = 0; i < d; ++i)
        logits[v] += static_cast<double>((*unembedding.values)[v * d + i]) * static_cast<double>((*gain.values)[i]) *
                     static_cast<double>(dictionary.w_dec[j * d + i]);
      mean += logits[v] / static_cast<double>(vocabulary);
    }
    for (const double logit : logits)
      squares += (logit - mean) * (logit - mean);
    CHECK(lengths[j] == doctest::Approx(std::sqrt(squares)).epsilon(1e-5));
  }
  check_refused([&] { logit_lengths(lossless_sae(d / 2), model); }, {"residual stream", "64 wide", "32 wide"});
}

TEST_CASE("logit_lengths: what the layers' norms hold makes no difference") {
  language_model model = tiny_model("llama");
  const sae dictionary = lossless_sae(model.config.hidden);
  const std::vector<double> lengths = logit_lengths(dictionary, model);
  for (auto& [name, tensor] : model.tensors)
    if (name.find("layernorm") != std::string::npos)
      tensor = share(tensor.shape, std::vector<float>(tensor.values->size(), 5.0f), tensor.bits);
  CHECK(logit_lengths(dictionary, model) == lengths);
}

TEST_CASE("writes_to_residual: the stream itself and what is added to it, not what is projected first") {
  CHECK(writes_to_residual(hook_kind::resid_post));
  CHECK(writes_to_residual(hook_kind::mlp_out));
  CHECK_FALSE(writes_to_residual(hook_kind::z));
  CHECK_FALSE(writes_to_residual(hook_kind::mlp_post));
  CHECK_FALSE(writes_to_residual(hook_kind::mlp_raw_out));
}

}  // namespace model_logit_lengths_test
