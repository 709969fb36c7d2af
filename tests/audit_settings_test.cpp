// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/settings.hpp"

#include <doctest/doctest.h>

#include <string>

#include "scratch.hpp"

namespace audit_settings_test {

using namespace qfa;

TEST_CASE("settle: an option wins over the metadata, and a conflict is told") {
  sae_metadata trained;
  trained.hook = "blocks.4.hook_resid_post";
  trained.context = 128;
  trained.prepend_bos = true;
  const audit_settings silent = settle({}, trained);
  CHECK(silent.hook == "blocks.4.hook_resid_post");
  CHECK(silent.context == 128);
  CHECK(silent.prepend_bos);
  CHECK(silent.warnings.empty());

  const audit_settings asked = settle({.context = 64, .prepend_bos = false}, trained);
  CHECK(asked.context == 64);
  CHECK_FALSE(asked.prepend_bos);
  REQUIRE(asked.warnings.size() == 2);
  CHECK(asked.warnings[0].find("64") != std::string::npos);
  CHECK(asked.warnings[0].find("128") != std::string::npos);
  CHECK(settle({.context = 128}, trained).warnings.empty());
}

TEST_CASE("settle: without a hook anywhere the sentence names the option") {
  try {
    settle({}, {});
    FAIL("nothing was thrown");
  } catch (const error& e) {
    CHECK(std::string(e.what()).find("--hook") != std::string::npos);
  }
  CHECK(settle({.hook = "blocks.0.hook_resid_pre"}, {}).context == 256);
}

TEST_CASE("settle: BOS is skipped where the SAE was trained without special tokens") {
  sae_metadata trained;
  trained.hook = "h";
  trained.prepend_bos = true;
  CHECK(settle({}, trained).skip_positions == 0);
  trained.exclude_special_tokens = true;
  CHECK(settle({}, trained).skip_positions == 1);
  CHECK(settle({.skip_positions = 3}, trained).skip_positions == 3);
  CHECK(settle({.skip_positions = 0}, trained).warnings.size() == 1);
  CHECK(settle({.prepend_bos = false}, trained).skip_positions == 0);
  CHECK_THROWS_AS(settle({.context = 4, .skip_positions = 4}, trained), error);
}

TEST_CASE("settle: weights are processed as the SAE's training did, and the published order quantizes afterwards") {
  sae_metadata trained;
  trained.hook = "h";
  CHECK_FALSE(settle({}, trained).weight_processing.any());
  trained.transformer_lens_default = true;
  CHECK(settle({}, trained).weight_processing == transformer_lens_processing);
  trained.center_writing_weights = false;
  CHECK_FALSE(settle({}, trained).weight_processing.center_writing_weights);
  CHECK(settle({}, trained).weight_processing.fold_ln);
  CHECK(settle({.weight_processing = processing{}}, trained).warnings.size() == 1);
  trained.transformer_lens_default = false;  // said of the model's weights, too
  trained.fold_ln = false;
  CHECK_FALSE(settle({}, trained).weight_processing.any());
  CHECK(settle({}, trained).warnings.empty());
  const auto folded = settle({.weight_processing = transformer_lens_processing}, trained);
  CHECK(folded.weight_processing == transformer_lens_processing);
  REQUIRE(folded.warnings.size() == 1);
  CHECK(folded.warnings[0] ==
        "the weights' processing is tl, as asked, although the SAE was trained with none");
  trained.fold_ln = true;  // of the two, one
  CHECK(settle({}, trained).weight_processing == processing{.fold_ln = true});
  CHECK(settle({}, trained).order == compression_order::compress_then_process);
  CHECK(settle({.rules = published}, trained).order == compression_order::process_then_compress);
  CHECK(settle({.rules = published, .order = compression_order::compress_then_process}, trained).order ==
        compression_order::compress_then_process);
}

}  // namespace audit_settings_test
