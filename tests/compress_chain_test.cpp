// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/chain.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/identity.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"

namespace compress_chain_test {

using qfa::any_policy;
using qfa::chain;
using qfa::magnitude_pruner;
using qfa::rtn;
using qfa_test::compressed;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

namespace {

constexpr auto doubled = [](qfa::matrix_view<float> w) { w(0, 0) *= 2.0f; };
constexpr auto raised = [](qfa::matrix_view<float> w) { w(0, 0) += 1.0f; };
constexpr auto layer_added = [](qfa::matrix_view<float> w, const qfa::tensor_info& info) {
  w(0, 0) += static_cast<float>(info.layer);
};

using described = chain<rtn, magnitude_pruner>;
static_assert(qfa::weight_policy<described> && qfa::named_policy<described>);
static_assert(qfa::weight_policy<chain<decltype(doubled)>> && !qfa::named_policy<chain<decltype(doubled)>>);

}  // namespace

TEST_CASE("chain: the policies act in the order written") {
  CHECK(compressed(row_matrix({3}), chain{doubled, raised}).values.front() == 7.0f);
  CHECK(compressed(row_matrix({3}), chain{raised, doubled}).values.front() == 8.0f);
  CHECK(compressed(row_matrix({3}), chain{raised, doubled, doubled, raised}).values.front() == 17.0f);
  CHECK(compressed(row_matrix({3}), chain{raised}).values.front() == 4.0f);
}

TEST_CASE("chain: each policy is told as much as it can take") {
  CHECK(compressed(row_matrix({3}), chain{doubled, layer_added}, {.layer = 5}).values.front() == 11.0f);
}

TEST_CASE("chain: pruning and quantizing equals the one after the other, and the other order differs") {
  const auto m = random_matrix(12, 33);
  const magnitude_pruner prune{.sparsity = 0.5};
  const rtn quantize{.bits = 3};
  CHECK(same_bits(compressed(m, chain{prune, quantize}).values, compressed(compressed(m, prune), quantize).values));
  CHECK_FALSE(same_bits(compressed(m, chain{quantize, prune}).values, compressed(m, chain{prune, quantize}).values));
}

TEST_CASE("chain: a chain of chains is one chain, and any_policies may be links") {
  const auto m = random_matrix(5, 20);
  const chain inner{magnitude_pruner{.sparsity = 0.3}, rtn{.bits = 4}};
  const chain outer{inner, qfa::any_policy(rtn{.bits = 2})};
  CHECK(outer.name() == "prune:sparsity=0.3+rtn:bits=4+rtn:bits=2");
  const auto by_hand =
      compressed(compressed(compressed(m, magnitude_pruner{.sparsity = 0.3}), rtn{.bits = 4}), rtn{.bits = 2});
  CHECK(same_bits(compressed(m, outer).values, by_hand.values));
}

TEST_CASE("chain: what moves weights off a grid leaves its bits unknown, what only zeroes them does not") {
  const auto bits = [](const auto& policy) { return policy.stored_bits(4, 8, {}); };
  const double four = rtn{.bits = 4}.stored_bits(4, 8), two = rtn{.bits = 2}.stored_bits(4, 8);
  const magnitude_pruner prune{.sparsity = 0.5};
  CHECK(bits(chain{rtn{.bits = 4}, prune, qfa::identity{}}) == four);
  CHECK(bits(chain{rtn{.bits = 4}, rtn{.bits = 2}}) == two);
  CHECK(bits(chain{rtn{.bits = 4}, raised}) == std::nullopt);
  CHECK(bits(chain{rtn{.bits = 4}, raised, rtn{.bits = 2}}) == two);
  const any_policy quantize(rtn{.bits = 4}), zero(prune), move(raised, "raised"), none;
  CHECK(bits(chain{quantize, zero, none}) == four);
  CHECK(bits(chain{quantize, move}) == std::nullopt);
  CHECK(bits(chain{move, quantize, zero}) == four);
  CHECK(any_policy(chain{zero, none}).keeps_codes());
  CHECK_FALSE(any_policy(chain{zero, move}, "both").keeps_codes());
  CHECK(bits(chain{quantize, any_policy(chain{zero, none})}) == four);
  CHECK(bits(chain{quantize, any_policy(chain{zero, move}, "both")}) == std::nullopt);
}

TEST_CASE("chain: it says what it is where all its policies do") {
  CHECK(qfa::describe(chain{magnitude_pruner{.sparsity = 0.5}, rtn{.bits = 4}}) == "prune:sparsity=0.5+rtn:bits=4");
  CHECK(qfa::describe(chain{rtn{}}) == "rtn:bits=8");
}

}  // namespace compress_chain_test
