// SPDX-License-Identifier: Apache-2.0
// An edit of activations is a lambda: here one feature of examples/demo's SAE is turned up behind a block, once in the
// model and once in a compressed one, and the logits say whether the compressed model responds alike.
#include <cassert>
#include <filesystem>
#include <iostream>

#include "qfa/compress/rtn.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/edited_pass.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/sae/load.hpp"
#include "qfa/steering/steering_sums.hpp"

int main(int argc, char** argv) {
  const std::filesystem::path demo = argc > 1 ? argv[1] : QFA_DEMO_DIR;
  const qfa::sae sae = qfa::load_sae(demo / "sae");
  const qfa::language_model model = qfa::load_model(demo / "model");
  const auto tokens = qfa::read_tokens(demo / "tokens.npy", {.context = 64, .max_tokens = 512});
  const qfa::hook_point hook = qfa::parse_hook(*sae.metadata.hook, model.config);
  const std::size_t feature = 7;

  // What passes at the hook, (tokens, width): whatever this leaves there is what the model goes on with.
  const auto turned_up = [&](qfa::matrix_view<float> h) {
    for (std::size_t t = 0; t < h.rows(); ++t)
      for (std::size_t i = 0; i < sae.d_in; ++i)
        h(t, i) += 2.0f * sae.w_dec[feature * sae.d_in + i];
  };

  // Logits with the edit less those without it; what comes before the hook is computed once.
  const auto change = [&](const qfa::any_decoder& of) {
    qfa::edited_pass pass(of, tokens.view(), hook);
    qfa::activations before, after;
    before.resize(tokens.ids.size(), model.config.vocabulary);
    after.resize(tokens.ids.size(), model.config.vocabulary);
    of.unembed(pass.final_hidden(), before.view());
    of.unembed(pass(turned_up).view(), after.view());
    for (std::size_t i = 0; i < after.values.size(); ++i)
      after.values[i] -= before.values[i];
    return after;
  };
  const qfa::any_decoder reference(model);
  const qfa::activations ours = change(reference);

  double last = 1.0;
  for (const int bits : {8, 4, 3}) {
    const qfa::any_decoder compressed(qfa::compress(model, qfa::rtn{.bits = bits}).model, reference);
    const qfa::activations theirs = change(compressed);
    qfa::steering_sums alike;
    for (std::size_t t = 0; t < ours.tokens; ++t)
      alike(ours.view().row(t), theirs.view().row(t), 0);
    std::cout << bits << " bits: gain " << alike.gain() << ", fidelity " << alike.fidelity() << '\n';
    assert(alike.fidelity() < last);
    last = alike.fidelity();
  }
  assert(last > 0.5);
}
