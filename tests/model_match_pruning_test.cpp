// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/match_pruning.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "scratch.hpp"

namespace model_match_pruning_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

std::vector<double> visited(const sparsity_match& match) {
  std::vector<double> out;
  for (const sparsity_trial& trial : match.trials)
    out.push_back(trial.sparsity);
  return out;
}

}  // namespace

TEST_CASE("match_pruning: the published search visits the published sparsities") {
  // Pythia-70M: 0.4, 0.2, 0.1, 0.15, 0.175, 0.1875, and 0.175 wins with a perplexity of 76.990 against 77.828.
  const auto pythia = match_pruning(published_bisection{}, 77.8277, [](double s) {
    return std::fabs(s - 0.175) < 1e-9 ? 76.99001 : s < 0.18 ? 60.0 + 10.0 * s : 79.0 + 10.0 * s;
  });
  CHECK(visited(pythia) == std::vector<double>{0.4, 0.2, 0.1, 0.15000000000000002, 0.17500000000000002, 0.1875});
  CHECK(pythia.best.sparsity == 0.17500000000000002);
  // Gemma-2-2B: the last step goes down to 0.1625, which wins.
  const auto gemma = match_pruning(published_bisection{}, 476.82, [](double s) { return 324.5 + 1000.0 * s; });
  CHECK(gemma.trials.back().sparsity == doctest::Approx(0.1625));
}

TEST_CASE("match_pruning: the nearest of all visited wins, not the last") {
  const auto match = match_pruning(published_bisection{.steps = 4}, 10.0, [](double s) {
    return s == 0.4 ? 10.5 : s < 0.4 ? 1.0 : 90.0;
  });
  CHECK(match.best == sparsity_trial{0.4, 10.5});
  CHECK(match.trials.size() == 4);
}

TEST_CASE("match_pruning: a perplexity that meets the target exactly moves the upper bound") {
  const auto match = match_pruning(published_bisection{.steps = 2}, 5.0, [](double) { return 5.0; });
  CHECK(visited(match) == std::vector<double>{0.4, 0.2});
  CHECK(match.best.sparsity == 0.4);  // the earliest of equals
}

TEST_CASE("match_pruning: a perplexity of NaN means too much was pruned") {
  const auto match = match_pruning(published_bisection{.steps = 3}, 5.0,
                                   [](double s) { return s > 0.15 ? std::numeric_limits<double>::quiet_NaN() : 4.0; });
  CHECK(visited(match)[2] == doctest::Approx(0.1));
  CHECK(match.best.value == 4.0);
}

TEST_CASE("match_pruning: a loss is met within the tolerance, and the search stops there") {
  int calls = 0;
  const auto match = match_pruning(loss_bisection{.tolerance = 1e-3}, 0.25, [&](double s) {
    ++calls;
    return s * s;
  });
  CHECK(match.within_tolerance);
  CHECK(std::fabs(match.best.value - 0.25) <= 1e-3);
  CHECK(match.best.sparsity == doctest::Approx(0.5).epsilon(2e-3));
  CHECK(static_cast<std::size_t>(calls) == match.trials.size());
  CHECK(calls < 20);
}

TEST_CASE("match_pruning: in nats the search goes on until both sides of the target have been visited") {
  // The first step is within the tolerance, and below.
  const auto match = match_pruning(loss_bisection{.tolerance = 0.1}, 0.5, [](double s) { return s; });
  CHECK(visited(match) == std::vector<double>{0.475, (0.475 + 0.95) / 2.0});
  CHECK(match.best.sparsity == 0.475);
  CHECK(match.within_tolerance);
}

TEST_CASE("across: the nearest on the other side that is a tenth of the excess off, else the furthest, else none") {
  sparsity_match match;
  match.best = {0.5, 1.01};
  match.trials = {{0.2, 0.2}, {0.4, 0.85}, {0.45, 0.95}, {0.48, 0.98}, {0.5, 1.01}, {0.7, 2.0}};
  CHECK(across(match, 1.0, 1.0) == sparsity_trial{0.4, 0.85});
  CHECK(across(match, 1.0, 0.1) == sparsity_trial{0.48, 0.98});
  CHECK(across(match, 1.0, 20.0) == sparsity_trial{0.2, 0.2});
  match.best = {0.48, 0.98};  // from below: what lies above, and a loss that is the target's
  CHECK(across(match, 1.0, 1.0) == sparsity_trial{0.7, 2.0});
  match.trials.push_back({0.6, std::nan("")});
  match.trials.push_back({0.49, 1.0});
  CHECK(across(match, 1.0, 0.0) == sparsity_trial{0.49, 1.0});
  match.trials = {{0.2, 0.2}, {0.48, 0.98}};
  CHECK_FALSE(across(match, 1.0, 1.0).has_value());
}

TEST_CASE("match_pruning: a target out of reach is said to be so") {
  const auto match = match_pruning(loss_bisection{.max_steps = 8}, 5.0, [](double s) { return s; });
  CHECK_FALSE(match.within_tolerance);
  CHECK(match.trials.size() == 8);
  CHECK(match.best.sparsity == doctest::Approx(0.95).epsilon(0.01));
}

TEST_CASE("match_pruning: bounds and targets that mean nothing are refused") {
  const auto loss = [](double s) { return s; };
  check_refused([&] { match_pruning(published_bisection{.low = 0.5, .high = 0.5}, 1.0, loss); }, {"bounds"});
  check_refused([&] { match_pruning(published_bisection{.high = 1.5}, 1.0, loss); }, {"bounds"});
  check_refused([&] { match_pruning(published_bisection{.steps = 0}, 1.0, loss); }, {"one step"});
  check_refused([&] { match_pruning(loss_bisection{.tolerance = 0.0}, 1.0, loss); }, {"tolerance"});
  check_refused([&] { match_pruning(loss_bisection{}, std::nan(""), loss); }, {"finite"});
}

}  // namespace model_match_pruning_test
