// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/matched_noise_cache.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/cache/spec.hpp"
#include "qfa/cache/uniform.hpp"
#include "scratch.hpp"

namespace cache_matched_noise_cache_test {

using qfa::any_cache_policy;
using qfa::cache_granularity;
using qfa::cache_update;
using qfa::matched_noise_cache;
using qfa::matrix_view;
using qfa::uniform_cache;
using qfa_test::cached_text;
using qfa_test::check_refused;
using qfa_test::extend;
using qfa_test::held_after;
using qfa_test::made_text;

namespace {

uniform_cache tokenwise() { return {.bits = 3}; }

/// |a - b|_F over rows [first, last).
double distance(const std::vector<float>& a, const std::vector<float>& b, std::size_t first, std::size_t last) {
  const std::size_t width = qfa_test::small_cache().width();
  double sum = 0.0;
  for (std::size_t i = first * width; i < last * width; ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

/// Both distances from what arrived, which must be the same up to the rounding of floats.
void check_same_norm(double found, double expected) {
  CHECK(expected > 0.0);
  CHECK(std::fabs(found - expected) < 2e-6 * expected);
}

}  // namespace

TEST_CASE("noise: obeys the laws of caches, whatever it stands for") {
  qfa_test::check_call_laws(matched_noise_cache{.of = tokenwise(), .seed = 1});
  uniform_cache blocks{.bits = 2, .keys = cache_granularity::channel, .lifetime = qfa::scale_lifetime::grouped};
  blocks.block = 4;
  qfa_test::check_call_laws(matched_noise_cache{.of = blocks, .seed = 1});
  qfa_test::check_call_laws(matched_noise_cache{.of = qfa_test::waiting_cache{}, .seed = 1});
  qfa_test::check_call_laws(matched_noise_cache{});
}

TEST_CASE("noise: each call's keys and values each get noise of the norm of their error, and no error besides") {
  const cached_text text = made_text(23);
  uniform_cache quantizer = tokenwise();
  matched_noise_cache noise{.of = quantizer, .seed = 5};
  cached_text quantized{.info = text.info}, noisy{.info = text.info};
  for (const std::size_t count : {std::size_t{9}, std::size_t{1}, std::size_t{13}}) {
    const std::size_t first = noisy.tokens;
    const cached_text before = noisy;
    extend(quantizer, quantized, text, count);
    extend(noise, noisy, text, count);
    check_same_norm(distance(noisy.keys, text.keys, first, noisy.tokens),
                    distance(quantized.keys, text.keys, first, noisy.tokens));
    check_same_norm(distance(noisy.values, text.values, first, noisy.tokens),
                    distance(quantized.values, text.values, first, noisy.tokens));
    CHECK(distance(noisy.keys, quantized.keys, first, noisy.tokens) > 0.0);
    CHECK(distance(noisy.keys, before.keys, 0, first) == 0.0);  // earlier rows stay
  }
  // Noise knows nothing of the error: their scalar product is small beside the norms'.
  double product = 0.0;
  for (std::size_t i = 0; i < text.keys.size(); ++i)
    product +=
        static_cast<double>(noisy.keys[i] - text.keys[i]) * static_cast<double>(quantized.keys[i] - text.keys[i]);
  CHECK(std::fabs(product) < 0.3 * distance(noisy.keys, text.keys, 0, 23) * distance(quantized.keys, text.keys, 0, 23));
}

TEST_CASE("noise: the numbers are counter_random's of seed, side, layer, position and channel") {
  const cached_text text = made_text(5);
  const auto ratio = [&](const cached_text& held, bool keys, std::size_t a, std::size_t b) {
    const std::vector<float>&x = keys ? held.keys : held.values, &from = keys ? text.keys : text.values;
    return (static_cast<double>(x[a]) - static_cast<double>(from[a])) /
           (static_cast<double>(x[b]) - static_cast<double>(from[b]));
  };
  const cached_text held = qfa_test::held_at_once(matched_noise_cache{.of = tokenwise(), .seed = 7}, text);
  const qfa::counter_random k(7, "keys of layer 3", qfa::random_use::noise);
  const qfa::counter_random v(7, "values of layer 3", qfa::random_use::noise);
  CHECK(ratio(held, true, 26, 51) == doctest::Approx(k.gaussian(26) / k.gaussian(51)).epsilon(1e-4));
  CHECK(ratio(held, false, 26, 51) == doctest::Approx(v.gaussian(26) / v.gaussian(51)).epsilon(1e-4));
  // In a later call of its own, a position's noise has the same direction.
  const cached_text cut = held_after(matched_noise_cache{.of = tokenwise(), .seed = 7}, text, {2, 3});
  CHECK(ratio(cut, true, 26, 51) == doctest::Approx(k.gaussian(26) / k.gaussian(51)).epsilon(1e-4));
  CHECK(qfa_test::held_at_once(matched_noise_cache{.of = tokenwise(), .seed = 8}, text).keys != held.keys);
}

TEST_CASE("noise: what a policy changes again gets noise anew, as large as the whole error is then") {
  const cached_text text = made_text(23);
  qfa_test::waiting_cache waiting;
  matched_noise_cache noise{.of = waiting, .seed = 2};
  cached_text quantized{.info = text.info}, noisy{.info = text.info};
  for (const std::size_t count : std::vector<std::size_t>{3, 1, 2, 5, 4, 8}) {
    const cached_text before = quantized, noisy_before = noisy;
    extend(waiting, quantized, text, count);
    extend(noise, noisy, text, count);
    const std::size_t all = quantized.tokens;
    CAPTURE(all);
    std::size_t changed = 0, kept = 0;
    double error = 0.0, disturbance = 0.0;
    for (std::size_t t = 0; t < all; ++t) {
      const bool same =
          distance(quantized.keys, t < before.tokens ? before.keys : text.keys, t, t + 1) == 0.0;  // this call
      if (same) {
        CHECK(distance(noisy.keys, t < before.tokens ? noisy_before.keys : text.keys, t, t + 1) == 0.0);
        ++kept;
      } else {
        error += std::pow(distance(quantized.keys, text.keys, t, t + 1), 2.0);
        disturbance += std::pow(distance(noisy.keys, text.keys, t, t + 1), 2.0);
        ++changed;
      }
    }
    CHECK(changed + kept == all);
    if (changed > 0) check_same_norm(std::sqrt(disturbance), std::sqrt(error));
    CHECK((changed > 0) == (all == 4 || all == 11 || all == 15 || all == 23));  // whenever four or more have waited
  }
}

TEST_CASE("noise: neither other texts nor threads change a number") {
  const cached_text text = made_text(23), other = made_text(23, 9);
  const matched_noise_cache fresh{.of = qfa_test::waiting_cache{}, .seed = 3};
  const cached_text expected = held_after(fresh, text, {9, 14});
  qfa_test::for_each_thread_count([&] {
    matched_noise_cache a = fresh, b = fresh;
    cached_text held_a{.info = text.info}, held_b{.info = text.info};
    extend(b, held_b, other, 12);
    extend(a, held_a, text, 9);
    extend(b, held_b, other, 11);
    extend(a, held_a, text, 14);
    CHECK(held_a == expected);
  });
}

TEST_CASE("noise: says of the cache what its policy says") {
  const matched_noise_cache noise{.of = uniform_cache{.bits = 4}, .seed = 1};
  const qfa::cache_info info = qfa_test::small_cache();
  CHECK(noise.name() == "noise:of=(uniform:bits=4),seed=1");
  CHECK(noise.point() == qfa::cache_point::before_rope);
  CHECK(qfa::point_of(noise) == qfa::cache_point::before_rope);
  CHECK(matched_noise_cache{.of = qfa_test::rounding_cache{}}.point() == qfa::cache_point::after_rope);
  CHECK(qfa::reads_of(noise) == qfa::attention_reads::stored);
  CHECK(qfa::reads_of(matched_noise_cache{.of = qfa_test::waiting_cache{}}) == qfa::attention_reads::arrived);
  CHECK(*noise.side_bits(10, info) == uniform_cache{.bits = 4}.stored_bits(10, info));
  CHECK(*any_cache_policy(noise).stored_bits(10, info) == uniform_cache{.bits = 4}.stored_bits(10, info).sum());
  CHECK(!any_cache_policy(matched_noise_cache{.of = qfa_test::rounding_cache{}}).stored_bits(10, info));
  CHECK(*matched_noise_cache{}.side_bits(10, info) == qfa::untouched_cache_bits(10, info));
  CHECK(!qfa::learns(noise));
}

TEST_CASE("noise: spec strings write it and the control of granularity, presets and other controls within") {
  const any_cache_policy noise = qfa::parse_cache("noise:of=(section4:bits=4),seed=1");
  CHECK(noise.name() == "noise:of=(uniform:bits=4),seed=1");
  const cached_text text = made_text(9);
  CHECK(qfa_test::held_at_once(noise, text) ==
        qfa_test::held_at_once(matched_noise_cache{.of = uniform_cache{.bits = 4}, .seed = 1}, text));
  const std::string nested = "noise:of=(only:of=(random_groups:bits=3,seed=2),side=keys),seed=18446744073709551615";
  CHECK(qfa::parse_cache(nested).name() == nested);
  const cached_text held = qfa_test::held_at_once(qfa::parse_cache(nested), text);
  CHECK(held.values == text.values);
  CHECK(held.keys != text.keys);
  check_refused([] { qfa::parse_cache("noise:of=(section4:bits=4)"); }, {"noise", "seed"});
  check_refused([] { qfa::parse_cache("random_groups:bits=3"); }, {"random_groups", "seed"});
}

TEST_CASE("noise: refuses a text that it has not seen begin, and numbers beyond float, and changes nothing") {
  const cached_text text = made_text(9);
  matched_noise_cache noise{.of = tokenwise(), .seed = 1};
  cached_text held = text;
  check_refused(
      [&] {
        noise(qfa_test::view_of(held.keys, held.info), qfa_test::view_of(held.values, held.info),
              cache_update{.info = held.info, .first_new = 4});
      },
      {"noise has not seen the first tokens of the keys of layer 3"});
  CHECK(held == text);

  struct mirroring {
    void operator()(matrix_view<float> keys, matrix_view<float>, const cache_update&) const {
      for (std::size_t t = 0; t < keys.rows(); ++t)
        for (float& x : keys.row(t))
          x *= -3.0f;
    }
  };
  matched_noise_cache large{.of = any_cache_policy(mirroring{}, "mirroring"), .seed = 1};
  cached_text huge = qfa_test::text_of(9, 8e37f);
  const cached_text before = huge;
  check_refused(
      [&] {
        large(qfa_test::view_of(huge.keys, huge.info), qfa_test::view_of(huge.values, huge.info),
              cache_update{.info = huge.info});
      },
      {"noise", "the keys of layer 3", "beyond the range of float"});
  CHECK(huge == before);
}

}  // namespace cache_matched_noise_cache_test
