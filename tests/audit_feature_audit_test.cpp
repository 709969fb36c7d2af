// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/feature_audit.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/audit/conclude.hpp"
#include "scratch.hpp"

namespace audit_feature_audit_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::size_t d = 3, rows = 600, context = 8;  // two blocks of 512 and 88 rows

/// What a condition's record says, apart from its table.
struct findings {
  feature_table table;
  sae_fit fit;
  first_position first;
  std::optional<activation_shift> shift;
};

findings findings_of(const std::vector<float>& x, const std::vector<float>& y, const token_layout& layout,
                     bool paired = false, std::size_t budget = std::size_t{1} << 30) {
  feature_audit audit(lossless_sae(d), layout, paired, budget);
  const auto block = [&](const std::vector<float>& values, std::size_t b) {
    return matrix_view<const float>(values.data() + layout.first_row(b) * context * d,
                                    (layout.last_row(b) - layout.first_row(b)) * context, d);
  };
  for (std::size_t b = 0; b < layout.blocks(); ++b)
    audit.add_reference(block(x, b));
  audit.end_reference();
  compressed_side side(audit, "moved");
  for (std::size_t b = 0; b < layout.blocks(); ++b)
    side.add(block(y, b));
  const condition_result c = conclude(side.record(), audit.reference(), audit.dictionary());
  return {side.record().table, c.fit, c.first, c.shift};
}

}  // namespace

TEST_CASE("feature_audit: a reference against itself keeps every correlation at exactly one") {
  const auto x = random_activations(rows * context, d);
  const token_layout layout{rows, context};
  const findings found = findings_of(x, x, layout, true);
  CHECK(found.table.tokens() == rows * context);
  for (std::size_t f = 0; f < 2 * d; ++f)
    CHECK(pearson(found.table.total(f).all) == 1.0);
  CHECK(found.fit.fvu < 1e-12);
  CHECK(found.fit.l0 == doctest::Approx(3.0));
  CHECK(std::isnan(found.first.flip_share));  // nothing came or went
  REQUIRE(found.shift.has_value());
  CHECK(found.shift->energy.value == 0.0);
}

TEST_CASE("feature_audit: skipped positions are in no statistic") {
  auto x = random_activations(rows * context, d);
  auto y = x;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < d; ++i)
      y[r * context * d + i] = -40.0f;  // only position 0 differs
  const findings with = findings_of(x, y, {rows, context, 0}, true);
  CHECK(with.first.flip_share == 1.0);
  CHECK(with.first.shift_share == doctest::Approx(1.0));
  CHECK(with.first.norm > 10.0 * with.first.norm_elsewhere);
  CHECK(pearson(with.table.total(0).all) < 0.99);
  const findings without = findings_of(x, y, {rows, context, 1});
  CHECK(without.table.tokens() == rows * (context - 1));
  CHECK(without.first.position == 1);
  CHECK(without.first.norm_at_0 == doctest::Approx(40.0 * std::sqrt(3.0)));  // known all the same
  CHECK(without.first.norm < 3.0);
  CHECK(with.first.norm_at_0 == with.first.norm);
  CHECK(pearson(without.table.total(0).all) == 1.0);
  CHECK_FALSE(without.shift.has_value());
}

TEST_CASE("feature_audit: a paired audit knows how far activations moved, and what a bias would undo") {
  const auto x = random_activations(rows * context, d);
  auto y = x;
  for (std::size_t t = 0; t < rows * context; ++t)
    y[t * d] += 2.0f;
  const findings found = findings_of(x, y, {rows, context}, true);
  CHECK(found.shift->energy.value == doctest::Approx(4.0).epsilon(1e-6));
  CHECK(found.shift->mean_shift_share.value == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(found.shift->relative.value == doctest::Approx(4.0 / 3.0).epsilon(0.05));
}

TEST_CASE("feature_audit: where meanings are gathered, blocks come with their tokens") {
  const std::size_t first = 512;  // rows of the first block
  const auto x = random_activations(first * context, d);
  const matrix_view<const float> block(x.data(), first * context, d);
  const std::vector<std::uint32_t> ids(first * context, 7);
  feature_audit audit(lossless_sae(d), {rows, context});
  audit.gather_meanings();
  check_refused([&] { audit.add_reference(block); }, {"together with their tokens"});
  feature_audit with(lossless_sae(d), {rows, context});
  with.gather_meanings();
  with.add_reference(block, {ids.data(), first, context});
  CHECK(with.reference().meaning->side.tokens(0).id(0) == 7);
  CHECK_FALSE(compressed_side(with).record().meaning.has_value());  // its features are not related yet
}

TEST_CASE("feature_audit: spilling to a file and the number of threads change no bit") {
  const auto x = random_activations(rows * context, d);
  const auto y = shaken(x, 0.3f);
  const findings in_memory = findings_of(x, y, {rows, context}, true);
  const findings spilled = findings_of(x, y, {rows, context}, true, 0);
  CHECK(in_memory.table == spilled.table);
  CHECK(in_memory.shift->energy.value == spilled.shift->energy.value);
#ifdef _OPENMP
  const int threads = omp_get_max_threads();
  for (const int n : {1, 3, 8}) {
    omp_set_num_threads(n);
    CHECK(findings_of(x, y, {rows, context}).table == in_memory.table);
  }
  omp_set_num_threads(threads);
#endif
}

TEST_CASE("feature_audit: an SAE that explains nothing stops the audit unless it is allowed") {
  sae wrong = lossless_sae(d);
  for (float& w : wrong.w_dec)
    w *= -3.0f;
  const auto x = random_activations(rows * context, d);
  const token_layout layout{rows, context};
  feature_audit audit(wrong, layout);
  audit.add_reference({x.data(), 512 * context, d});
  CHECK_THROWS_AS(audit.end_reference(true), error);  // a block is missing
  audit.add_reference({x.data() + 512 * context * d, 88 * context, d});
  try {
    audit.end_reference();
    FAIL("nothing was thrown");
  } catch (const error& e) {
    CHECK(std::string(e.what()).find("FVU") != std::string::npos);
  }
  CHECK(audit.end_reference(true).side.fit().fvu > 1.0);
}

TEST_CASE("feature_audit: blocks of another size or width are refused") {
  const auto x = random_activations(rows * context, d);
  feature_audit audit(lossless_sae(d), {rows, context});
  CHECK_THROWS_AS(audit.add_reference({x.data(), 511 * context, d}), error);
  CHECK_THROWS_AS(audit.add_reference({x.data(), 512 * context, d - 1}), error);
}

}  // namespace audit_feature_audit_test
