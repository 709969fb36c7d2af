// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/audit_parts.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "audit_made_up.hpp"

namespace audit_audit_parts_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("checksum_of: every number of an SAE counts, and which array it stands in") {
  const auto changed = [](const std::function<void(sae&)>& change) {
    sae s = lossless_sae(3);
    change(s);
    return checksum_of(s);
  };
  const std::set<std::string> all{changed([](sae&) {}),
                                  changed([](sae& s) { s.w_enc[4] = 0.5f; }),
                                  changed([](sae& s) { s.w_dec[4] = 0.5f; }),
                                  changed([](sae& s) { s.b_enc[1] = 0.5f; }),
                                  changed([](sae& s) { s.b_dec[1] = 0.5f; }),
                                  changed([](sae& s) { s.threshold.assign(6, 0.0f); }),
                                  changed([](sae& s) { s.b_mag.assign(6, 0.0f); }),
                                  changed([](sae& s) { s.r_mag.assign(6, 0.0f); }),
                                  changed([](sae& s) { s.k = 2; }),
                                  changed([](sae& s) { s.activation = activation_kind::top_k; }),
                                  changed([](sae& s) { s.norm = input_norm::layer_norm; }),
                                  changed([](sae& s) { s.apply_b_dec_to_input = false; })};
  CHECK(all.size() == 12);
  CHECK(changed([](sae& s) { s.metadata.model_name = "other"; }) == checksum_of(lossless_sae(3)));
}

TEST_CASE("checksum_of: weights and configuration of a model count, where it was read from does not") {
  const language_model model = tiny_model();
  language_model other = model;
  other.source = "elsewhere";
  CHECK(checksum_of(other) == checksum_of(model));
  other.config.rope_base += 1.0;
  CHECK(checksum_of(other) != checksum_of(model));
  other = model;
  shared_tensor& tensor = other.tensors.begin()->second;
  std::vector<float> values = *tensor.values;
  values.back() += 1e-3f;
  tensor = share(tensor.shape, values, tensor.bits);
  CHECK(checksum_of(other) != checksum_of(model));
  tensor = model.tensors.begin()->second;
  CHECK(checksum_of(other) == checksum_of(model));
  tensor.bits = 4.0;
  CHECK(checksum_of(other) != checksum_of(model));
}

TEST_CASE("checksum_of: tokens and the length of rows count") {
  token_rows rows = random_rows(4, 12, 97);
  const std::string before = checksum_of(rows);
  CHECK(before.size() == 8);
  rows.context = 6;
  CHECK(checksum_of(rows) != before);
  rows.context = 12;
  CHECK(checksum_of(rows) == before);
  rows.ids[40] ^= 1U;
  CHECK(checksum_of(rows) != before);
}

TEST_CASE("parts_of_audit and parts_of_model_audit: whatever moves a bit of the state is a part") {
  const auto parts = [](const std::function<void(token_layout&, audit_settings&, audit_options&)>& change) {
    token_layout layout{.rows = 40, .row_tokens = 12, .skip_positions = 1};
    audit_settings settings = tiny_settings();
    audit_options options;
    change(layout, settings, options);
    audit_parts out = parts_of_audit(lossless_sae(2), layout, settings, options, true);
    for (auto& part : parts_of_model_audit(tiny_model(), random_rows(40, 12, 97), settings, options))
      out.push_back(part);
    return out;
  };
  const std::set<audit_parts> all{
      parts([](token_layout&, audit_settings&, audit_options&) {}),
      parts([](token_layout& l, audit_settings&, audit_options&) { l.rows = 41; }),
      parts([](token_layout& l, audit_settings&, audit_options&) { l.row_tokens = 13; }),
      parts([](token_layout& l, audit_settings&, audit_options&) { l.skip_positions = 0; }),
      parts([](token_layout& l, audit_settings&, audit_options&) { l.first = 10; }),
      parts([](token_layout& l, audit_settings&, audit_options&) { l.last = 10; }),
      parts([](token_layout& l, audit_settings&, audit_options&) { l.tokens_per_block = 10; }),
      parts([](token_layout&, audit_settings& s, audit_options&) { s.hook = "blocks.0.hook_resid_post"; }),
      parts([](token_layout&, audit_settings& s, audit_options&) { s.weight_processing.fold_ln = true; }),
      parts(
          [](token_layout&, audit_settings& s, audit_options&) { s.order = compression_order::process_then_compress; }),
      parts([](token_layout&, audit_settings&, audit_options& o) { o.paired = true; }),
      parts([](token_layout&, audit_settings&, audit_options& o) { o.fused = true; }),
      parts([](token_layout&, audit_settings&, audit_options& o) { o.token_damage = true; }),
      parts([](token_layout&, audit_settings&, audit_options& o) { o.meaning = true; })};
  CHECK(all.size() == 14);
  // What only shapes the report is none.
  CHECK(all.contains(parts([](token_layout&, audit_settings& s, audit_options& o) {
    s.rules = published;
    o.loss_batch_rows = 8;
    o.spill_budget = 0;
    o.allow_bad_sae = true;
  })));
}

}  // namespace audit_audit_parts_test
