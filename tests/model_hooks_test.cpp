// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/hooks.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace model_hooks_test {

using namespace qfa;

namespace {

const model_config small{.hidden = 12, .layers = 3, .heads = 4, .kv_heads = 2, .head_dim = 5, .intermediate = 7};

std::string refusal(std::string_view name, const model_config& config) {
  try {
    parse_hook(name, config);
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("hooks: a name is parsed to what it was made from") {
  std::set<std::string> names;
  for (const hook_point& hook : hooks_of(small)) {
    CHECK(parse_hook(name_of(hook), small) == hook);
    names.insert(name_of(hook));
  }
  CHECK(names.size() == 3 * hook_kind_names.size());
  CHECK(parse_hook("blocks.2.hook_resid_post", small) == hook_point{2, hook_kind::resid_post});
  CHECK(parse_hook("blocks.0.attn.hook_z", small) == hook_point{0, hook_kind::z});
  CHECK(parse_hook("blocks.1.mlp.hook_post", small) == hook_point{1, hook_kind::mlp_post});
  CHECK(parse_hook("blocks.1.hook_resid_mid", small) == hook_point{1, hook_kind::resid_mid});
}

TEST_CASE("hooks: each is as wide as what passes there") {
  CHECK(hook_width(small, {0, hook_kind::resid_pre}) == 12);
  CHECK(hook_width(small, {0, hook_kind::mlp_out}) == 12);
  CHECK(hook_width(small, {0, hook_kind::z}) == 20);
  CHECK(hook_width(small, {0, hook_kind::k}) == 10);
  CHECK(hook_width(small, {0, hook_kind::rot_q}) == 20);
  CHECK(hook_width(small, {0, hook_kind::mlp_post}) == 7);
}

TEST_CASE("hooks: a model whose attention and MLP run side by side has no middle") {
  model_config parallel = small;
  parallel.parallel_residual = true;
  CHECK(hooks_of(parallel).size() == 3 * (hook_kind_names.size() - 1));
  CHECK(refusal("blocks.0.hook_resid_mid", parallel).find("side by side") != std::string::npos);
  CHECK(refusal("blocks.0.hook_resid_mid", parallel).find("hook_resid_mid,") == std::string::npos);
}

TEST_CASE("hooks: an unknown one is refused with a list of those there are") {
  for (const char* name : {"", "blocks", "blocks.", "blocks.x.hook_resid_post", "blocks.0", "blocks.0.",
                           "blocks.0.hook_resid", "blocks.-1.hook_resid_post", "blocks.0.hook_resid_post ",
                           "blocks.99999999999999999999999.hook_resid_post", "layers.0.mlp"}) {
    CAPTURE(name);
    const std::string sentence = refusal(name, small);
    CHECK(sentence.find("L from 0 to 2") != std::string::npos);
    CHECK(sentence.find("hook_resid_post") != std::string::npos);
  }
  CHECK(refusal("blocks.3.hook_resid_post", small).find("beyond this model's 3 layers") != std::string::npos);
}

}  // namespace model_hooks_test
