// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/structured_pruner.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "pruner_laws.hpp"

namespace compress_structured_pruner_test {

using qfa::column_pruner;
using qfa::head_pruner;
using qfa::row_pruner;
using qfa::tensor_info;
using qfa::tensor_role;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::pruned_matrix;
using qfa_test::same_bits;

const tensor_info query{.name = "q", .role = tensor_role::query, .heads = 3, .head_dim = 4};
const tensor_info out{.name = "o", .role = tensor_role::attention_out, .heads = 4, .head_dim = 16};

TEST_CASE("structured pruners: the oracle's bits for rows, columns and heads") {
  const matrix weights = pruned_matrix("weights");
  for (const std::string text : qfa_test::pruned_sparsities) {
    CAPTURE(text);
    const double share = std::stod(text);
    CHECK(same_bits(compressed(weights, row_pruner{share}).values, pruned_matrix("rows." + text).values));
    CHECK(same_bits(compressed(weights, column_pruner{share}).values, pruned_matrix("columns." + text).values));
    CHECK(same_bits(compressed(weights, head_pruner{share}, out).values, pruned_matrix("heads_o." + text).values));
    CHECK(same_bits(compressed(weights, head_pruner{share}, query).values, pruned_matrix("heads_q." + text).values));
  }
}

TEST_CASE("structured pruners: the norm decides, not the largest weight or the sum, and the first of equals goes") {
  // Norms of the rows: 5, 5, sqrt(27).  Sums: 7, 5, 9.
  const matrix m{3, 3, {3, -4, 0, 0, 0, 5, 3, 3, 3}};
  CHECK(compressed(m, row_pruner{0.4}).values == std::vector<float>{0, 0, 0, 0, 0, 5, 3, 3, 3});
  CHECK(compressed(m, row_pruner{0.7}).values == std::vector<float>{0, 0, 0, 0, 0, 0, 3, 3, 3});
  // Of the columns: sqrt(18), 5, sqrt(34).
  CHECK(compressed(m, column_pruner{0.4}).values == std::vector<float>{0, -4, 0, 0, 0, 5, 0, 3, 3});
  CHECK(compressed(m, row_pruner{1.0}).values == std::vector<float>(9, 0.0f));
  CHECK(same_bits(compressed(m, column_pruner{0.3}).values, m.values));
}

TEST_CASE("head_pruner: k and v have heads of rows as q has, and heads need not be counted in the info") {
  const matrix m{4, 2, {1, 1, 2, 2, 3, 3, 1, 1}};  // heads of two rows with norms sqrt(10) and sqrt(20)
  for (const tensor_role role : {tensor_role::query, tensor_role::key, tensor_role::value})
    CHECK(compressed(m, head_pruner{0.5}, {.name = "x", .role = role, .head_dim = 2}).values ==
          std::vector<float>{0, 0, 0, 0, 3, 3, 1, 1});
  CHECK(compressed(m, head_pruner{0.5}, {.name = "x", .role = tensor_role::attention_out, .head_dim = 1}).values ==
        std::vector<float>{0, 1, 0, 2, 0, 3, 0, 1});
}

TEST_CASE("head_pruner: a matrix without heads, or with others than the info says, is refused") {
  const matrix m = pruned_matrix("weights");
  check_refused([&] { compressed(m, head_pruner{0.5}, {.name = "down", .role = tensor_role::down}); },
                {"\"down\"", "role is down", "q, k, v and o"});
  check_refused([&] { compressed(m, head_pruner{0.5}, {.name = "q", .role = tensor_role::query}); },
                {"\"q\"", "12 rows for 0 heads of 0"});
  check_refused(
      [&] { compressed(m, head_pruner{0.5}, {.name = "k", .role = tensor_role::key, .heads = 2, .head_dim = 4}); },
      {"\"k\"", "12 rows for 2 heads of 4"});
  check_refused(
      [&] { compressed(m, head_pruner{0.5}, {.name = "o", .role = tensor_role::attention_out, .head_dim = 12}); },
      {"\"o\"", "64 columns for 0 heads of 12"});
}

TEST_CASE("structured pruners: they owe what every policy owes, and say what they are") {
  qfa_test::check_pruner_laws(row_pruner{0.25}, {.name = "up"});
  qfa_test::check_pruner_laws(column_pruner{0.25}, {.name = "up"});
  qfa_test::check_pruner_laws(head_pruner{0.25}, {.name = "q", .role = tensor_role::query, .head_dim = 3});
  qfa_test::check_pruner_laws(head_pruner{0.5}, {.name = "o", .role = tensor_role::attention_out, .head_dim = 8});
  CHECK(row_pruner{0.25}.name() == "prune_rows:share=0.25");
  CHECK(column_pruner{0.25}.name() == "prune_columns:share=0.25");
  CHECK(head_pruner{0.25}.name() == "prune_heads:share=0.25");
  check_refused([] { row_pruner{1.5}.validate(); }, {"prune_rows's share"});
  check_refused([] { column_pruner{-0.5}.validate(); }, {"prune_columns's share"});
  check_refused([] { head_pruner{2.0}.validate(); }, {"prune_heads's share"});
  matrix none{0, 5, {}};
  CHECK(compressed(none, row_pruner{1.0}).values.empty());
}

}  // namespace compress_structured_pruner_test
