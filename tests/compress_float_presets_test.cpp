// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/float_presets.hpp"

#include <set>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "number_formats.hpp"
#include "qfa/compress/spec.hpp"

namespace compress_float_presets_test {

TEST_CASE("float_presets: each has a name of its own, stands for a known policy and says where it comes from") {
  std::set<std::string_view> names;
  for (const qfa::preset& p : qfa::float_presets) {
    CAPTURE(p.name);
    CHECK(names.insert(p.name).second);
    CHECK_FALSE(p.origin.empty());
    CHECK(qfa::parse_policy(p.name).name() == qfa::parse_policy(p.spec).name());
  }
}

TEST_CASE("float_presets: spec strings and presets give numpy's bits") {
  const auto check = [](std::string_view spec, const std::string& expected) {
    CAPTURE(spec);
    qfa_test::check_oracle(qfa::parse_policy(spec), expected + ".values");
  };
  check("vllm_fp8", "fp8.e4m3.tensor");
  check("vllm_fp8_fnuz", "fp8.e4m3fnuz224.tensor");
  check("modelopt_fp8", "fp8.e4m3.tensor");
  check("compressed_tensors_fp8", "fp8.e4m3.row");
  check("fp8:e5m2,scale=fixed,fixed=0.0625", "fp8.e5m2.sixteenth");
  check("torchao_mxfp4", "mxfp4.floor.half_even");
  check("compressed_tensors_mxfp4", "mxfp4.even.half_even");
  check("modelopt_mxfp4", "mxfp4.rceil.lower");
  check("microxcaling_mxfp4", "mxfp4.floor.half_away");
  check("mxfp4:ceil", "mxfp4.ceil.half_even");
  check("torchao_mxfp8", "mxfp8.e4m3");
  check("mxfp8:e5m2", "mxfp8.e5m2");
  check("modelopt_nvfp4", "nvfp4.modelopt");
  check("compressed_tensors_nvfp4", "nvfp4.compressed_tensors");
  check("torchao_nvfp4", "nvfp4.torchao");
  check("bnb_nf4", "nf4");
  check("bnb_nf4_double", "nf4.double");
  check("bnb_fp4:double=true", "fp4.double");
  check("bitnet_b158", "ternary.tensor");
  check("ternary:row", "ternary.row");
}

TEST_CASE("float_presets: block-wise FP8 has blocks of 128 by 128") {
  CHECK(qfa::parse_policy("compressed_tensors_fp8_block").name() == "fp8:format=e4m3,per=block");
  CHECK(qfa::fp8{}.group == 128);
}

}  // namespace compress_float_presets_test
