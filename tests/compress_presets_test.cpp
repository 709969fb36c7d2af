// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/presets.hpp"

#include <set>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/spec.hpp"

namespace compress_presets_test {

static_assert(qfa::paper_rtn(6).bits == 6 && qfa::paper_rtn(6).per == qfa::granularity::shared_heads);
static_assert(qfa::paper_rtn(4).arithmetic == qfa::float_format::fp32);

TEST_CASE("presets: the published quantizer is the same by its function, its name and its spec") {
  CHECK(qfa::paper_rtn(6).name() == "rtn:bits=6,per=shared_heads");
  CHECK(qfa::parse_policy("paper_rtn:bits=6").name() == qfa::paper_rtn(6).name());
  CHECK(qfa::parse_policy("paper_rtn:bits=4,arithmetic=bf16").name() ==
        qfa::paper_rtn(4, qfa::float_format::bf16).name());
  const qfa::tensor_info info{.name = "q", .role = qfa::tensor_role::query, .heads = 3, .head_dim = 8};
  const auto weights = qfa_test::torch_matrix("weights");
  CHECK(qfa_test::same_bits(qfa_test::compressed(weights, qfa::parse_policy("paper_rtn:bits=6"), info).values,
                            qfa_test::torch_matrix("rtn.fp32.shared_heads.6").values));
  CHECK(qfa_test::same_bits(qfa_test::compressed(weights, qfa::paper_rtn(6, qfa::float_format::bf16), info).values,
                            qfa_test::torch_matrix("rtn.bf16.shared_heads.6").values));
}

TEST_CASE("presets: each has a name of its own, stands for a known policy and says where it comes from") {
  std::set<std::string_view> names;
  for (const qfa::preset& p : qfa::presets) {
    CAPTURE(p.name);
    CHECK(names.insert(p.name).second);
    CHECK_FALSE(p.origin.empty());
    CHECK_FALSE(qfa::parse_policy(p.spec).name().empty());
  }
}

}  // namespace compress_presets_test
