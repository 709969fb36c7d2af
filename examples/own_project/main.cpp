// SPDX-License-Identifier: Apache-2.0
// A project of one's own: a policy that qfa does not have, audited beside one that it has.
//   mine MODEL_DIR SAE_DIR tokens.npy
#include <cmath>
#include <exception>
#include <iostream>

#include <qfa/audit/model_audit.hpp>
#include <qfa/compress/rtn.hpp>
#include <qfa/model/load.hpp>
#include <qfa/report/text_table.hpp>
#include <qfa/sae/load.hpp>

// Rounds each row to whole multiples of a part of its mean size, however large they get: no weight is clipped.
struct round_to_mean {
  float steps = 2.0f;  // that make up the mean size of a row

  void operator()(qfa::matrix_view<float> w) const {
    for (std::size_t r = 0; r < w.rows(); ++r) {
      float mean = 0.0f;
      for (const float x : w.row(r)) mean += std::fabs(x) / static_cast<float>(w.columns());
      if (mean == 0.0f) continue;  // a row of zeros stays one
      for (float& x : w.row(r)) x = std::nearbyint(x * steps / mean) * mean / steps;
    }
  }
};

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "usage: mine MODEL_DIR SAE_DIR tokens.npy\n";
    return 2;
  }
  const qfa::sae sae = qfa::load_sae(argv[2]);
  const qfa::audit_settings settings = qfa::settle({}, sae.metadata);  // hook, context and BOS as the SAE was trained
  const qfa::language_model model = qfa::load_model(argv[1]);
  const auto tokens = qfa::read_tokens(argv[3], qfa::tokens_for(settings, model.config, 10'000));

  qfa::model_audit audit(model, sae, tokens, settings);  // runs the reference
  audit.run(qfa::rtn{.bits = 4});
  audit.run(round_to_mean{}, "round_to_mean");
  std::cout << qfa::conditions_table(audit.result());
} catch (const std::exception& wrong) {
  std::cerr << "mine: " << wrong.what() << '\n';
  return 1;
}
