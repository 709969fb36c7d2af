// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_COUNTER_RANDOM_HPP
#define QFA_COMPRESS_COUNTER_RANDOM_HPP

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "qfa/compress/normal_quantile.hpp"

namespace qfa {

/// Philox4x32-10: ten rounds of products and exclusive ors that turn a counter of 128 bits, under a key of 64, into 128
/// random bits (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", with their multipliers
/// and Weyl constants).  Nothing is remembered between calls, so that any element's numbers can be had at any time.
constexpr std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                                     std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9U;  // the golden ratio's and sqrt(3)'s fractions
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// The FNV-1a hash of 64 bits (Fowler, Noll, Vo), with the standard offset basis and prime.
constexpr std::uint64_t fnv1a_64(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

static_assert(fnv1a_64("foobar") == 0x85944171f73967e8U);

/// What random numbers are drawn for.  Each use has numbers of its own, so that policies that are chained with one seed
/// stay independent: noise must not know which weights random pruning takes.  New uses come last, since a use's place
/// is part of its numbers.
enum class random_use : std::uint8_t { noise, permutation, pruning, signs, sampling, posterior };

/// The random numbers of one tensor: a function of seed, tensor name, use and element, and of nothing else.
///
///   key      the seed, lower word first
///   counter  the element's index (56 bits), the use (8 bits), the FNV-1a hash of the name (64 bits), lower words first
///
/// An element is r columns + c in the matrix as a policy sees it, whatever its strides.  The integers and uniform
/// numbers are the same on every machine by construction; Gaussian ones where double is IEEE's and std::fma and
/// std::sqrt round correctly, as the standards demand: see normal_quantile.  Matrices without a name share their
/// numbers.  Measured on one thread with g++ 12 -O3 and AVX-512: 14 ns for an integer, 60 ns for a Gaussian number.
class counter_random {
 public:
  constexpr counter_random(std::uint64_t seed, std::string_view tensor_name, random_use use) noexcept
      : key_{low(seed), high(seed)}, name_(fnv1a_64(tensor_name)), use_(static_cast<std::uint32_t>(use) << 24) {}

  /// 64 random bits for an element.  Precondition, here and below: element < 2^56; checked by assert.
  constexpr std::uint64_t bits(std::uint64_t element) const noexcept {
    assert(element >> 56 == 0);
    const auto words = philox4x32_10({low(element), high(element) | use_, low(name_), high(name_)}, key_);
    return std::uint64_t{words[1]} << 32 | words[0];
  }

  /// A multiple of 2^-53 in [0, 1): the upper 53 bits.
  constexpr double uniform(std::uint64_t element) const noexcept {
    return static_cast<double>(bits(element) >> 11) * 0x1p-53;
  }

  /// A whole number below `bound`.  Some are likelier than others by bound 2^-53 at most.  Precondition: bound is from
  /// 1 to 2^53; checked by assert.
  constexpr std::uint64_t below(std::uint64_t bound, std::uint64_t element) const noexcept {
    assert(bound > 0 && bound <= std::uint64_t{1} << 53);
    return static_cast<std::uint64_t>(uniform(element) * static_cast<double>(bound));
  }

  /// A standard normal number, of magnitude 8.21 at most: the quantile of an odd multiple of 2^-53 in (0, 1), which the
  /// upper 52 bits choose.  By inversion, so that one element's number takes that element's bits alone.
  double gaussian(std::uint64_t element) const noexcept {
    return normal_quantile(static_cast<double>(bits(element) >> 12 << 1 | 1U) * 0x1p-53);
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x); }
  static constexpr std::uint32_t high(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x >> 32); }

  std::array<std::uint32_t, 2> key_;
  std::uint64_t name_;
  std::uint32_t use_;
};

}  // namespace qfa

#endif
