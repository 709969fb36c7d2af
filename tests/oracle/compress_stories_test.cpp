// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "oracle.hpp"
#include "qfa/compress/output_error.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/model/calibrate.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"

namespace compress_stories_test {

using namespace qfa;

namespace {

/// A real model, and what it knows of the inputs of every matrix from 64 rows of tokens.
struct calibrated_model {
  language_model model = load_model(qfa_test::oracle_data() / "stories260K");
  token_rows tokens = read_tokens(qfa_test::oracle_data() / "stories260K" / "tokens.npy",
                                  {.context = 256, .max_tokens = 64 * 256, .vocabulary = model.config.vocabulary});
  std::map<linear_input, calibration> known;

  calibrated_model() {
    std::vector<linear_input> inputs;
    for (const logical_tensor& tensor : logical_tensors(model.config))
      if (tensor.input && (inputs.empty() || inputs.back() != *tensor.input)) inputs.push_back(*tensor.input);
    calibrator gather(model, tokens, {.channels = true, .gram = true}, inputs);
    for (const linear_input& input : inputs)
      known.emplace(input, gather(input));
  }

  /// The calibration objective of every matrix under a policy: the squared output error over the calibration tokens.
  std::vector<double> objectives(const any_policy& policy) const {
    std::vector<double> out;
    for (const logical_tensor& tensor : logical_tensors(model.config)) {
      if (!tensor.input) continue;
      const shared_tensor& stored = model.at(tensor.slice.weight);
      std::vector<float> after = *stored.values;
      const calibration& of = known.at(*tensor.input);
      apply_policy(policy, tensor.of(after.data()), tensor.info, &of);
      const matrix_view<const float> compressed = tensor.of(std::as_const(after).data());
      out.push_back(output_error(tensor.of(stored.data()), compressed, of.inputs.gram()));
    }
    return out;
  }

  /// On how many matrices `learned` does better than `plain`; the sums of both.
  struct contest {
    std::size_t matrices = 0, better = 0;
    double learned = 0.0, plain = 0.0;
  };
  contest compare(const std::string& learned, const std::string& plain) const {
    const auto a = objectives(parse_policy(learned)), b = objectives(parse_policy(plain));
    contest out{.matrices = a.size()};
    for (std::size_t i = 0; i < a.size(); ++i) {
      out.better += a[i] < b[i];
      out.learned += a[i];
      out.plain += b[i];
    }
    return out;
  }
};

}  // namespace

TEST_CASE("calibrated policies beat those that see weights alone, on a real model's calibration objective") {
  const calibrated_model stories;
  const std::pair<std::string, std::string> contests[] = {
      {"gptq:bits=4,group=0", "gptq_sym:bits=4,per=row"},
      {"gptq:bits=3,group=0", "gptq_sym:bits=3,per=row"},
      {"gptq:bits=4,group=0,order=activation", "gptq_sym:bits=4,per=row"},
      {"gptq:bits=4,group=32,symmetric=false", "gptq_asym:bits=4,per=group,group=32"},
      {"sparsegpt:sparsity=0.5", "prune:sparsity=0.5,per=row"},
      {"sparsegpt:zeroed=2,of=4", "prune_nm:zeroed=2,of=4"},
      {"wanda:sparsity=0.5", "prune:sparsity=0.5,per=row"},
      {"awq_search:bits=4,group=32", "awq:bits=4,group=32"},
      {"awq_search:bits=3,group=32", "awq:bits=3,group=32"},
  };
  for (const auto& [learned, plain] : contests) {
    const auto result = stories.compare(learned, plain);
    MESSAGE(learned << " " << result.learned << " against " << plain << " " << result.plain << ", better on "
                    << result.better << " of " << result.matrices);
    CHECK(result.matrices == 5 * 7);
    CHECK(result.learned < result.plain);
    // No rule says that every matrix gains; all but a few do.
    CHECK(10 * result.better >= 9 * result.matrices);
  }
}

}  // namespace compress_stories_test
