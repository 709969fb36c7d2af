// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace core_parallel_test {

namespace {

/// Sets the number of threads for one test and puts it back.
class threads {
 public:
  explicit threads(std::size_t n) : before_(qfa::thread_count()) { qfa::set_thread_count(n); }
  ~threads() { qfa::set_thread_count(before_); }
  threads(const threads&) = delete;
  threads& operator=(const threads&) = delete;

 private:
  std::size_t before_;
};

constexpr std::size_t counts[] = {1, 2, 3, 8};

/// Order shows in every bit: floating-point addition does not associate.
struct sum {
  double total = 0.0;
  sum& operator+=(const sum& other) {
    total += other.total;
    return *this;
  }
};

struct trail {
  std::vector<std::size_t> seen;
  trail& operator+=(const trail& other) {
    seen.insert(seen.end(), other.seen.begin(), other.seen.end());
    return *this;
  }
};

double harmonic(std::size_t n, std::size_t block) {
  return qfa::parallel_fold(n, block, sum{},
                            [](sum& part, std::size_t first, std::size_t last) {
                              for (std::size_t i = first; i < last; ++i)
                                part.total += std::sin(static_cast<double>(i)) * 1e3 + 1e-7;
                            })
      .total;
}

}  // namespace

TEST_CASE("thread_count: what was asked for is what a region gets") {
  for (std::size_t n : counts) {
    const threads guard(n);
#ifdef _OPENMP
    CHECK(qfa::thread_count() == n);
#else
    CHECK(qfa::thread_count() == 1);
#endif
  }
  const threads guard(0);
  CHECK(qfa::thread_count() == 1);
}

TEST_CASE("parallel_for: every index comes once, on any number of threads") {
  for (std::size_t n : counts)
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      CAPTURE(n);
      CAPTURE(size);
      const threads guard(n);
      std::vector<int> visits(size, 0);
      qfa::parallel_for(size, [&](std::size_t i) { ++visits[i]; });
      CHECK(visits == std::vector<int>(size, 1));
    }
}

TEST_CASE("parallel_for: of many exceptions the one of the smallest index comes out, after all bodies have ended") {
  for (std::size_t n : counts) {
    CAPTURE(n);
    const threads guard(n);
    for (int repetition = 0; repetition < 20; ++repetition) {
      std::atomic<int> ended = 0;
      std::string caught;
      try {
        qfa::parallel_for(100, [&](std::size_t i) {
          ++ended;
          if (i >= 13) throw std::runtime_error(std::to_string(i));
        });
      } catch (const std::runtime_error& e) {
        caught = e.what();
      }
      CHECK(caught == "13");
      CHECK(ended == 100);
    }
  }
}

TEST_CASE("parallel_for: an exception keeps its type") {
  CHECK_THROWS_AS(qfa::parallel_for(1, [](std::size_t) { throw std::out_of_range("type"); }), std::out_of_range);
}

TEST_CASE("parallel_for: a loop within a loop visits every pair") {
  const threads guard(3);
  std::vector<int> visits(7 * 5, 0);
  qfa::parallel_for(7, [&](std::size_t i) { qfa::parallel_for(5, [&](std::size_t j) { ++visits[5 * i + j]; }); });
  CHECK(visits == std::vector<int>(35, 1));
}

TEST_CASE("parallel_fold: the bits do not depend on the number of threads") {
  for (std::size_t n : {std::size_t{1}, std::size_t{64}, std::size_t{1003}})
    for (std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{10000}}) {
      CAPTURE(n);
      CAPTURE(block);
      std::uint64_t expected = 0;
      for (std::size_t t : counts) {
        CAPTURE(t);
        const threads guard(t);
        const auto bits = std::bit_cast<std::uint64_t>(harmonic(n, block));
        if (t == 1) expected = bits;
        CHECK(bits == expected);
      }
    }
}

TEST_CASE("parallel_fold: blocks are cut by size and merged in order") {
  for (std::size_t t : counts)
    for (std::size_t n :
         {std::size_t{0}, std::size_t{1}, std::size_t{6}, std::size_t{7}, std::size_t{8}, std::size_t{500}})
      for (std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{600}}) {
        CAPTURE(t);
        CAPTURE(n);
        CAPTURE(block);
        const threads guard(t);
        std::vector<std::size_t> firsts;
        for (std::size_t first = 0; first < n; first += block)
          firsts.push_back(first);
        const auto cut = qfa::parallel_fold(n, block, trail{}, [&](trail& part, std::size_t first, std::size_t last) {
          CHECK_MESSAGE(last == (first + block < n ? first + block : n), "only the last block may be short");
          part.seen.push_back(first);
        });
        CHECK(cut.seen == firsts);
      }
}

TEST_CASE("parallel_fold: a block of zero means one block") {
  const auto cut = qfa::parallel_fold(9, 0, trail{}, [](trail& part, std::size_t first, std::size_t last) {
    part.seen = {first, last};
  });
  CHECK(cut.seen == std::vector<std::size_t>{0, 9});
}

TEST_CASE("parallel_fold: sizes near the end of the range do not wrap around") {
  const std::size_t huge = static_cast<std::size_t>(-1);
  const auto cut = qfa::parallel_fold(huge, huge - 1, trail{}, [](trail& part, std::size_t first, std::size_t last) {
    part.seen = {first, last};
  });
  CHECK(cut.seen == std::vector<std::size_t>{0, huge - 1, huge - 1, huge});
}

TEST_CASE("parallel_fold: without blocks the empty one comes back") {
  const auto all = qfa::parallel_fold(0, 8, sum{42.0}, [](sum&, std::size_t, std::size_t) {});
  CHECK(all.total == 42.0);
}

TEST_CASE("parallel_fold: an exception while filling comes out") {
  CHECK_THROWS_AS(qfa::parallel_fold(100, 1, sum{},
                                     [](sum&, std::size_t first, std::size_t) {
                                       if (first == 77) throw std::out_of_range("77");
                                     }),
                  std::out_of_range);
}

}  // namespace core_parallel_test
