// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_types.hpp"

#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "ggml_blocks.hpp"
#include "scratch.hpp"

namespace compress_ggml_types_test {

using qfa::entry_of;
using qfa::ggml_type;

TEST_CASE("ggml_type: names and file numbers are distinct and lead back to the type") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < qfa::ggml_type_entries.size(); ++i) {
    const auto type = static_cast<ggml_type>(i);
    names.insert(entry_of(type).name);
    CHECK(names_of(type)[i] == entry_of(type).name);
    CHECK(qfa::find_ggml_type(entry_of(type).id) == type);
  }
  CHECK(names.size() == qfa::ggml_type_entries.size());
  CHECK(entry_of(ggml_type::nvfp4).id == 40);
  CHECK(qfa::find_ggml_type(15) == std::nullopt);  // q8_K
}

TEST_CASE("ggml_type: packing at run time gives the reference's bytes and values") {
  const auto x = qfa::read_floats(qfa_test::ggml_oracle().at("x"));
  for (const ggml_type type : {ggml_type::q4_0, ggml_type::q5_1, ggml_type::q4_K, ggml_type::q6_K, ggml_type::nvfp4}) {
    const std::string name(entry_of(type).name);
    CAPTURE(name);
    const std::vector<std::byte> bytes = packed_row(type, x);
    CHECK(qfa_test::ggml_oracle().at(name + ".bytes").bytes.read() == bytes);
    std::vector<float> y(x.size());
    entry_of(type).unpack(bytes, y);
    CHECK(y == qfa::read_floats(qfa_test::ggml_oracle().at(name + ".dequantized")));
  }
}

TEST_CASE("ggml_type: plain floats, halves and bfloat16 are blocks of one") {
  const std::vector<float> x{1.0f, -0.1f, 65504.0f, 3e-8f};
  const auto through = [&](ggml_type type) {
    std::vector<float> y(x.size());
    entry_of(type).unpack(packed_row(type, x), y);
    return y;
  };
  CHECK(through(ggml_type::f32) == x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(through(ggml_type::f16)[i] == qfa::from_f16(qfa::to_f16(x[i])));
    CHECK(through(ggml_type::bf16)[i] == qfa::round_to_bf16(x[i]));
  }
  CHECK(row_bytes(ggml_type::bf16, 7) == 14);
}

TEST_CASE("type_for_columns: rows of no whole blocks take the next type that fits") {
  const auto becomes = [](ggml_type wanted, std::size_t columns) { return type_for_columns(wanted, columns); };
  for (const std::size_t columns : {32U, 96U, 1184U}) {
    CHECK(becomes(ggml_type::q2_K, columns) == ggml_type::q4_0);
    CHECK(becomes(ggml_type::q3_K, columns) == ggml_type::q4_0);
    CHECK(becomes(ggml_type::q4_K, columns) == ggml_type::q5_0);
    CHECK(becomes(ggml_type::q5_K, columns) == ggml_type::q5_1);
    CHECK(becomes(ggml_type::q6_K, columns) == ggml_type::q8_0);
    CHECK(becomes(ggml_type::nvfp4, columns) == ggml_type::f16);
    CHECK(becomes(ggml_type::iq4_nl, columns) == ggml_type::iq4_nl);
  }
  for (std::size_t i = 0; i < qfa::ggml_type_entries.size(); ++i) {
    const auto type = static_cast<ggml_type>(i);
    CHECK(becomes(type, 768) == type);
    CHECK(becomes(type, 100) == (entry_of(type).elements == 1 ? type : ggml_type::f16));
  }
}

TEST_CASE("row_bytes: a row that is no whole blocks is refused") {
  CHECK(qfa::row_bytes(ggml_type::q8_0, 64) == 68);
  qfa_test::check_refused([] { (void)qfa::row_bytes(ggml_type::q8_0, 65); }, {"whole blocks"});
}

}  // namespace compress_ggml_types_test
