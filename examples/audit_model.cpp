// SPDX-License-Identifier: Apache-2.0
// The whole audit in a C++ program: the model, SAE and tokens of examples/demo, two policies, one of them a stranger's.
#include <cassert>
#include <cmath>
#include <filesystem>
#include <iostream>

#include <qfa/qfa.hpp>

struct keep_signs {
  void operator()(qfa::matrix_view<float> w) const {
    for (std::size_t r = 0; r < w.rows(); ++r) {
      float mean = 0.0f;
      for (const float x : w.row(r))
        mean += std::fabs(x) / static_cast<float>(w.columns());
      for (float& x : w.row(r))
        x = std::copysign(mean, x);
    }
  }
};

int main(int argc, char** argv) {
  const std::filesystem::path demo = argc > 1 ? argv[1] : QFA_DEMO_DIR;
  const qfa::sae sae = qfa::load_sae(demo / "sae");
  const qfa::audit_settings settings = qfa::settle({}, sae.metadata);  // hook, context and BOS as the SAE was trained
  const qfa::language_model model = qfa::load_model(demo / "model");
  const auto tokens = qfa::read_tokens(demo / "tokens.npy", qfa::tokens_for(settings, model.config, 20'000));

  qfa::model_audit audit(model, sae, tokens, settings);  // runs the reference
  audit.run(qfa::rtn{.bits = 4});
  audit.run(keep_signs{}, "keep_signs");
  const qfa::audit_result result = audit.result();
  std::cout << qfa::conditions_table(result) << '\n' << qfa::overlaps_table(result);

  const qfa::condition_result& int4 = result.conditions[1];
  const qfa::condition_result& signs = result.conditions[2];
  assert(int4.loss->perplexity_ratio.value < 1.02);                  // perplexity hardly moves ...
  assert(int4.by_honest.share(qfa::outcome::survived).value < 0.9);  // ... and a tenth of the features is gone
  assert(signs.by_honest.mean_r.value < int4.by_honest.mean_r.value);
  assert(result.honest_overlaps[0].spearman.value > 0.0);
}
