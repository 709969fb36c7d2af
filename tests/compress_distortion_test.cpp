// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/distortion.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "compress_matrices.hpp"
#include "laws.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace compress_distortion_test {

using qfa::distortion;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;

namespace {

distortion of(const std::vector<float>& reference, const std::vector<float>& changed) {
  distortion d;
  d(reference, changed);
  return d;
}

}  // namespace

TEST_CASE("distortion: known values") {
  const distortion d = of({3, -4, 0, 0}, {3, -2, 1, 0});
  CHECK(d.count() == 4);
  CHECK(d.relative_frobenius_error() == doctest::Approx(std::sqrt(5.0) / 5.0));
  CHECK(d.sqnr() == doctest::Approx(10.0 * std::log10(5.0)));
  CHECK(d.cosine() == doctest::Approx(17.0 / (5.0 * std::sqrt(14.0))));
  CHECK(d.zero_share() == 0.25);
  CHECK(d.zeroed_share() == 0.0);
  CHECK(d.worst().error == 2.0);
  CHECK(d.worst().index == 1);
  CHECK(d.worst().reference == -4.0f);
  CHECK(d.worst().compressed == -2.0f);
}

TEST_CASE("distortion: shares of zeros count those that were there apart from those that were made") {
  const distortion d = of({0, 1, 2, 0, 3, 4, 5, 6}, {0, 0, 2, 7, 0, 4, 5, 6});
  CHECK(d.zero_share() == 3.0 / 8.0);
  CHECK(d.zeroed_share() == 2.0 / 8.0);
}

TEST_CASE("distortion: sums are right at every length, against long double") {
  const matrix a = random_matrix(1, 60, 1), b = random_matrix(1, 60, 2);
  for (std::size_t n = 1; n <= 60; ++n) {
    CAPTURE(n);
    long double ww = 0, qq = 0, wq = 0, ee = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto w = static_cast<long double>(a.values[i]), q = static_cast<long double>(b.values[i]);
      ww += w * w;
      qq += q * q;
      wq += w * q;
      ee += (q - w) * (q - w);
    }
    distortion d;
    d(std::span(a.values).first(n), std::span(b.values).first(n));
    CHECK(d.relative_frobenius_error() == doctest::Approx(static_cast<double>(std::sqrt(ee / ww))).epsilon(1e-14));
    CHECK(d.cosine() == doctest::Approx(static_cast<double>(wq / std::sqrt(ww * qq))).epsilon(1e-14));
    CHECK(d.sqnr() == doctest::Approx(static_cast<double>(10 * std::log10(ww / ee))).epsilon(1e-13));
  }
}

TEST_CASE("distortion: of several worst weights the first counts, wherever the stream is cut") {
  // Integers, so that every sum is exact and the law holds to the bit.
  std::vector<std::tuple<std::vector<float>, std::vector<float>>> stream;
  for (int i = 0; i < 6; ++i) {
    const auto f = static_cast<float>(i);
    stream.push_back({{f, 2, -3, 0}, {f + static_cast<float>(i % 3), 2, 0, 0}});
  }
  stream.push_back({{}, {}});
  qfa_test::check_merge_laws<distortion>(stream);
  distortion all;
  for (const auto& [w, q] : stream) all(w, q);
  CHECK(all.worst().index == 2);
  distortion first, second;
  first(std::vector<float>{1, 2, 3}, std::vector<float>{1, 2, 4});
  second(std::vector<float>{5, 6}, std::vector<float>{5, 9});
  first += second;
  CHECK(first.worst() == distortion::worst_weight{3.0, 4, 6.0f, 9.0f});  // three weights stand before its part
}

TEST_CASE("distortion: what is undefined is NaN, and no error is infinitely good") {
  CHECK(std::isnan(distortion{}.sqnr()));
  CHECK(std::isnan(distortion{}.relative_frobenius_error()));
  CHECK(std::isnan(distortion{}.cosine()));
  CHECK(std::isnan(distortion{}.zero_share()));
  CHECK(std::isnan(distortion{}.zeroed_share()));
  CHECK(std::isnan(of({0, 0}, {0, 1}).sqnr()));
  CHECK(std::isnan(of({0, 0}, {0, 1}).cosine()));
  CHECK(std::isnan(of({0, 1}, {0, 0}).cosine()));
  CHECK(of({0, 1}, {0, 0}).sqnr() == 0.0);
  CHECK(of({1, 2}, {1, 2}).sqnr() == std::numeric_limits<double>::infinity());
  CHECK(of({1, 2}, {1, 2}).relative_frobenius_error() == 0.0);
}

TEST_CASE("distortion: pruning a share shows as that share, and each bit of rtn is worth six dB") {
  const matrix w = random_matrix(64, 256);
  CHECK(measure_distortion(w.view(), compressed(w, qfa::magnitude_pruner{0.25}).view()).zeroed_share() == 0.25);
  double last = measure_distortion(w.view(), compressed(w, qfa::rtn{.bits = 4}).view()).sqnr();
  for (int bits = 5; bits <= 8; ++bits) {
    const double next = measure_distortion(w.view(), compressed(w, qfa::rtn{.bits = bits}).view()).sqnr();
    CHECK(next - last == doctest::Approx(6.02).epsilon(0.08));
    last = next;
  }
}

TEST_CASE("measure_distortion: the same bits on 1, 2, 3 and 8 threads, and as rows in order") {
  const matrix w = random_matrix(333, 50);
  const matrix q = compressed(w, qfa::rtn{.bits = 3});
  const distortion d = measure_distortion(w.view(), q.view());
  distortion by_hand;
  for (std::size_t r = 0; r < w.rows; ++r) by_hand(w.view().row(r), q.view().row(r));
  CHECK(d.count() == by_hand.count());
  CHECK(d.worst() == by_hand.worst());
  CHECK(d.sqnr() == doctest::Approx(by_hand.sqnr()).epsilon(1e-13));
#ifdef _OPENMP
  const int threads = omp_get_max_threads();
  for (const int n : {1, 2, 3, 8}) {
    omp_set_num_threads(n);
    CHECK((measure_distortion(w.view(), q.view()) == d));
  }
  omp_set_num_threads(threads);
#endif
}

TEST_CASE("measure_distortion: matrices of different shapes are refused") {
  const matrix w = random_matrix(3, 4);
  qfa_test::check_refused([&] { measure_distortion(w.view(), random_matrix(4, 3).view()); }, {"same shape"});
}

TEST_CASE("distortion: runs of different lengths are refused") {
  const std::vector<float> three(3, 1.0f), two(2, 1.0f);
  distortion d;
  qfa_test::check_refused([&] { d(three, two); }, {"as many weights"});
}

}  // namespace compress_distortion_test
