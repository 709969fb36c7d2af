// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "ggml_blocks.hpp"
#include "qfa/core/parallel.hpp"
#include "scratch.hpp"

namespace compress_ggml_test {

using qfa::ggml_quantizer;
using qfa::ggml_type;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::same_bits;

TEST_CASE("ggml: every type gives the reference's values") {
  const matrix x{5, 1280, qfa::read_floats(qfa_test::ggml_oracle().at("x"))};
  for (std::size_t i = 3; i < qfa::ggml_type_entries.size(); ++i) {
    const ggml_quantizer policy{static_cast<ggml_type>(i)};
    const std::string name(qfa::ggml_type_entries[i].name);
    CAPTURE(name);
    CHECK(compressed(x, policy).values == qfa::read_floats(qfa_test::ggml_oracle().at(name + ".dequantized")));
    const auto bytes = qfa_test::ggml_oracle().at(name + ".bytes").bytes.size();
    CHECK(policy.stored_bits(5, 1280) == 8.0 * static_cast<double>(bytes));
  }
}

TEST_CASE("ggml: rows of no whole blocks are packed and counted as the type that stands in") {
  const matrix x = qfa_test::random_matrix(3, 96);
  CHECK(same_bits(compressed(x, ggml_quantizer{ggml_type::q4_K}).values,
                  compressed(x, ggml_quantizer{ggml_type::q5_0}).values));
  CHECK_FALSE(same_bits(compressed(x, ggml_quantizer{ggml_type::q5_1}).values,
                        compressed(x, ggml_quantizer{ggml_type::q5_0}).values));
  CHECK(ggml_quantizer{ggml_type::q4_K}.stored_bits(3, 96) == 5.5 * 3 * 96);
  CHECK(ggml_quantizer{ggml_type::q4_K}.stored_bits(3, 512) == 4.5 * 3 * 512);
  CHECK(ggml_quantizer{ggml_type::q4_K}.stored_bits(3, 50) == 16.0 * 3 * 50);
}

TEST_CASE("ggml: a row is its own, and a view in blocks and strides gives what a copy gives") {
  constexpr std::size_t columns = 256, stride = 300;
  matrix fused = qfa_test::random_matrix(12, stride);
  const matrix before = fused;
  const qfa::matrix_view<float> part(fused.values.data() + 2 * stride, 4, columns, stride, 2, 6 * stride);
  matrix copy{4, columns, {}};
  for (std::size_t r = 0; r < 4; ++r)
    copy.values.insert(copy.values.end(), part.row(r).begin(), part.row(r).end());
  ggml_quantizer{}(part);
  ggml_quantizer{}(copy.view());
  for (std::size_t r = 0; r < 4; ++r)
    CHECK(same_bits(part.row(r), copy.view().row(r)));
  for (std::size_t r = 0; r < 12; ++r)
    for (std::size_t c = 0; c < stride; ++c)
      if (!((r % 6 == 2 || r % 6 == 3) && c < columns)) CHECK(fused.view()(r, c) == before.view()(r, c));
}

TEST_CASE("ggml: any number of threads gives the same bits") {
  const matrix x = qfa_test::random_matrix(150, 512);
  const std::size_t threads = qfa::thread_count();
  qfa::set_thread_count(1);
  const matrix alone = compressed(x, ggml_quantizer{ggml_type::q3_K});
  for (const std::size_t n : {2U, 3U, 8U}) {
    qfa::set_thread_count(n);
    CHECK(same_bits(compressed(x, ggml_quantizer{ggml_type::q3_K}).values, alone.values));
  }
  qfa::set_thread_count(threads);
}

TEST_CASE("ggml: weights that are not finite or would not be are refused, and nothing has changed") {
  const qfa::tensor_info info{.name = "up_proj"};
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), 1e9f, 3e38f}) {
    matrix x = qfa_test::random_matrix(3, 64);
    x.view()(2, 5) = bad;
    const matrix before = x;
    CAPTURE(bad);
    check_refused([&] { ggml_quantizer{ggml_type::q4_0}(x.view(), info); }, {"row 2", "up_proj"});
    CHECK(same_bits(x.values, before.values));
  }
  check_refused([] { compressed(qfa_test::row_matrix(std::vector<float>(50, 66000.0f)), ggml_quantizer{}); },
                {"66000", "f16", "cannot store"});
  check_refused(
      [] {
        compressed(qfa_test::row_matrix({1.0f, 3.4028235e38f}), ggml_quantizer{ggml_type::bf16});
      },
      {"bf16", "cannot store"});
  CHECK(compressed(qfa_test::row_matrix({3e38f}), ggml_quantizer{ggml_type::bf16}).values.front() ==
        doctest::Approx(3e38).epsilon(1e-2));
  // 8 times what a half holds is no more than a scale of 1/8 of it, and a float holds all.
  const matrix large = qfa_test::row_matrix(std::vector<float>(32, -400000.0f));
  CHECK(compressed(large, ggml_quantizer{ggml_type::q4_0}).values.front() == doctest::Approx(-400000.0).epsilon(1e-3));
  CHECK(compressed(qfa_test::row_matrix({3e38f}), ggml_quantizer{ggml_type::f32}).values.front() == 3e38f);
}

TEST_CASE("ggml: the spec string names the type as ggml does") {
  CHECK(ggml_quantizer{}.name() == "ggml:type=q4_K");
  CHECK(ggml_quantizer{ggml_type::iq4_nl}.name() == "ggml:type=iq4_nl");
}

}  // namespace compress_ggml_test
