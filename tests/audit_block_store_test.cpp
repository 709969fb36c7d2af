// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/block_store.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "audit_made_up.hpp"
#include "scratch.hpp"

namespace audit_block_store_test {

using namespace qfa;

namespace {

sparse_codes random_codes(std::size_t tokens, std::uint32_t width, unsigned seed) {
  std::mt19937 random(seed);
  sparse_codes codes(width);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::uint32_t f = 0; f < width; ++f)
      if (random() % 4 == 0) codes.push(f, 0.5f + static_cast<float>(random() % 1000));
    codes.end_token();
  }
  return codes;
}

}  // namespace

TEST_CASE("code_store: codes come back as they went, from memory and from the file") {
  for (const std::size_t budget : {std::size_t{0}, std::size_t{500}, std::size_t{1} << 20}) {
    code_store store(9, budget);
    for (unsigned b = 0; b < 5; ++b)
      store.append(random_codes(b * 7, 9, b));  // the first block is empty
    sparse_codes silent(9);
    silent.end_token();
    store.append(silent);
    REQUIRE(store.blocks() == 6);
    for (unsigned b = 5; b-- > 0;)
      CHECK(store[b] == random_codes(b * 7, 9, b));
    CHECK(store[5] == silent);
  }
}

TEST_CASE("row_store: rows come back as they went, strided ones too") {
  const std::vector<float> x = qfa_test::random_activations(12, 4);
  for (const std::size_t budget : {std::size_t{0}, std::size_t{1} << 20}) {
    row_store store(4, budget);
    store.append(matrix_view<const float>(x.data(), 12, 4));
    store.append(matrix_view<const float>(x.data(), 6, 4, 8));  // every other row
    const activations whole = store[0];
    CHECK(whole.tokens == 12);
    CHECK(whole.values == x);
    CHECK(store[1].view()(5, 3) == x[10 * 4 + 3]);
    CHECK_THROWS_AS(store.append(matrix_view<const float>(x.data(), 12, 3)), error);
  }
}

TEST_CASE("code_store and row_store: a block that is none is refused by its number") {
  const auto refused = [](const std::vector<std::uint32_t>& words, std::size_t bytes) {
    code_store store(9, 1000);
    store.append(random_codes(2, 9, 1));
    store.file().append(std::as_bytes(std::span(words)).first(bytes));
    CHECK(store[0] == random_codes(2, 9, 1));
    qfa_test::check_refused([&] { static_cast<void>(store[1]); }, {"block 1", "damaged"});
  };
  refused({0}, 0);
  refused({1, 1, 8, 0}, 15);
  refused({1}, 4);               // no count
  refused({0xffffffff}, 4);      // more counts than there are words
  refused({1, 2, 8, 0}, 16);     // more firings than features
  refused({1, 1, 8, 0, 0}, 20);  // a word too many
  refused({2, 0xffffffff, 2, 8, 0}, 20);
  refused({1, 1, 9, 0}, 16);  // no such feature
  row_store rows(3, 1000);
  const std::vector<float> four(4);
  rows.file().append(std::as_bytes(std::span(four)));
  qfa_test::check_refused([&] { static_cast<void>(rows[0]); }, {"block 0", "16 bytes", "rows of 3"});
}

}  // namespace audit_block_store_test
