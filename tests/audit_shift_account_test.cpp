// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/shift_account.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "laws.hpp"
#include "qfa/stats/row_groups.hpp"
#include "shift_oracle.hpp"

namespace audit_shift_account_test {

using namespace qfa;
using qfa_test::shift_oracle;

namespace {

const shift_oracle& oracle() {
  static const shift_oracle loaded;
  return loaded;
}

bool near(double a, double b) { return qfa_test::close(a, b, 1e-11); }

struct pass {
  shift_record record;
  feature_table table;
  std::vector<double> energies;
};

/// A pass over the oracle's rows, in so many groups; `moved` (tokens, d) are the compressed model's activations.
pass pass_over(const std::vector<float>& moved, const std::string& compressed_codes, std::size_t groups) {
  const std::vector<float> h = oracle().floats("h");
  const sparse_codes x = oracle().codes("x"), y = oracle().codes(compressed_codes);
  const row_groups rows(shift_oracle::rows, groups);
  pass out{shift_record(shift_oracle::features, groups), feature_table(shift_oracle::features, groups),
           std::vector<double>(groups)};
  const matrix_view<const float> before(h.data(), shift_oracle::tokens, shift_oracle::width);
  const matrix_view<const float> after(moved.data(), shift_oracle::tokens, shift_oracle::width);
  out.record(oracle().dictionary, {before, &x}, {after, &y}, rows.of_rows(0, shift_oracle::rows));
  out.table(x, y, rows.of_tokens(0, shift_oracle::rows, shift_oracle::length));
  for (std::size_t i = 0; i < h.size(); ++i)
    out.energies[rows.group_of(i / shift_oracle::width / shift_oracle::length)] +=
        static_cast<double>(h[i]) * static_cast<double>(h[i]);
  return out;
}

activation_shift account_for(const pass& p) {
  return account_for_shift(p.record, p.table, p.energies,
                           {oracle().dictionary.w_dec.data(), shift_oracle::features, shift_oracle::width});
}

pass oracle_pass(const std::string& name, std::size_t groups = 8) {
  std::vector<float> moved = oracle().floats(name == "compressed" || name == "codes_same" ? "h_compressed" : "h");
  if (name == "constant")
    for (float& v : moved)
      v += 0.25f;
  return pass_over(moved, name == "codes_same" || name == "constant" ? "x" : name == "same" ? "x" : "y", groups);
}

}  // namespace

TEST_CASE("account_for_shift: the numbers of an independent program") {
  for (const json& expected : oracle().results["a9"]) {
    const std::string name = expected["case"];
    CAPTURE(name);
    const activation_shift got = account_for(oracle_pass(name));
    const auto number = [&](const char* key) { return shift_oracle::number(expected[key]); };
    const bool exact = name != "constant";  // there, h + 0.25 is rounded to float here
    const auto same = [&](double a, double b) { return qfa_test::close(a, b, exact ? 1e-11 : 1e-6); };
    CHECK(same(got.mean.shift, number("shift")));
    CHECK(same(got.energy.value, number("shift")));
    CHECK(same(got.mean.decoded, number("sae_part")));
    CHECK(same(got.mean.missed, number("error_part")));
    CHECK(same(got.mean.cross, number("cross")));
    CHECK(same(got.explained.value, number("explained_share")));
    CHECK(same(got.mean_shift_share.value, number("mean_shift_share")));
    CHECK(same(got.gini.value, number("gini")));
    CHECK(same(got.gini_firing.value, number("gini_firing")));
    CHECK(same(got.top_1_percent.value, number("top_1_percent")));
    CHECK(same(got.top_10_percent.value, number("top_10_percent")));
    const std::vector<double> energy = expected["energy"];
    const double energies = std::accumulate(energy.begin(), energy.end(), 0.0);
    for (std::size_t f = 0; f < shift_oracle::features; ++f) {
      CHECK(same(got.phi[f], shift_oracle::number(expected["phi"][f])));
      if (energies > 0.0) CHECK(near(got.energy_share[f], energy[f] / energies));
      CHECK(std::isnan(got.energy_share[f]) == (energies == 0.0));
    }
    if (!expected.contains("position_shift")) continue;
    for (std::size_t p = 0; p < shift_oracle::length; ++p) {
      const shift_parts& at = got.by_position[p];
      CHECK(near(at.shift, expected["position_shift"][p]));
      CHECK(near(at.decoded, expected["position_sae_part"][p]));
      CHECK(near(at.missed, expected["position_error_part"][p]));
      CHECK(near(at.cross, expected["position_cross"][p]));
      CHECK(near(at.explained / at.shift, shift_oracle::number(expected["position_explained_share"][p])));
    }
    CHECK(near(got.first_position_share(), number("position_0_share_of_shift")));
  }
}

TEST_CASE("account_for_shift: the features' shares add up to what is explained") {
  const activation_shift got = account_for(oracle_pass("compressed", 16));
  CHECK(std::accumulate(got.phi.begin(), got.phi.end(), 0.0) == doctest::Approx(got.explained.value).epsilon(1e-12));
  CHECK(got.decoded.value + got.missed.value + got.cross.value == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(std::accumulate(got.energy_share.begin(), got.energy_share.end(), 0.0) == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(got.frame_share == 0.0);
}

TEST_CASE("account_for_shift: intervals are those of passes without a group") {
  constexpr std::size_t groups = 8;
  const pass whole = oracle_pass("compressed", groups);
  const activation_shift got = account_for(whole);
  std::vector<double> explained, relative, gini_without, phi_20;
  for (std::size_t left_out = 0; left_out < groups; ++left_out) {
    // A pass of seven groups: the rows that come before and those that come behind.
    shift_parts parts;
    double reference = 0.0, along = 0.0;
    std::vector<double> energies(shift_oracle::features);
    for (std::size_t g = 0; g < groups; ++g) {
      if (g == left_out) continue;
      parts += whole.record.sums()[g].total();
      reference += whole.energies[g];
      along += whole.record.feature(20, g).along;
      for (std::size_t f = 0; f < energies.size(); ++f) {
        double norm = 0.0;
        for (std::size_t i = f * shift_oracle::width; i < (f + 1) * shift_oracle::width; ++i)
          norm += std::pow(static_cast<double>(oracle().dictionary.w_dec[i]), 2);
        energies[f] += norm * whole.record.feature(f, g).squares;
      }
    }
    explained.push_back(parts.explained / parts.shift);
    relative.push_back(parts.shift / reference);
    phi_20.push_back(along / parts.shift);
    gini_without.push_back(gini(energies));
  }
  const auto same = [](const interval& a, const interval& b) {
    CHECK(a.kind == b.kind);
    CHECK(near(a.lower, b.lower));
    CHECK(near(a.upper, b.upper));
  };
  same(got.explained.range, jackknife(got.explained.value, explained).range);
  same(got.relative.range, jackknife(got.relative.value, relative, {.scale = interval_scale::log}).range);
  same(got.gini.range, jackknife(got.gini.value, gini_without, {.scale = interval_scale::logit}).range);
  CHECK(got.explained.range.kind == interval_kind::two_sided);
  double sum = 0.0, squares = 0.0;
  for (std::size_t g = 0; g < groups; ++g) {
    const double energy = whole.record.feature(20, g).squares;
    sum += energy;
    squares += energy * energy;
  }
  same(got.phi_ranges[20], jackknife(got.phi[20], phi_20, {.dof = sum * sum / squares - 1.0}).range);
  CHECK(got.phi_ranges[1].kind == interval_kind::refused);  // never fires
}

}  // namespace audit_shift_account_test
