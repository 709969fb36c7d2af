// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/probe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "made_up.hpp"
#include "qfa/io/safetensors.hpp"

namespace alignment_probe_test {

using namespace qfa;
using qfa_test::number;

namespace {

constexpr std::size_t channels = 12;

/// The other program's prompts: the first `positives` of each part are harmful.
struct probe_part {
  std::vector<float> reference, compressed;
  std::size_t positives = 0;

  static matrix_view<const float> rows(const std::vector<float>& x, std::size_t first, std::size_t last) {
    return {x.data() + first * channels, last - first, channels};
  }
  paired_activations view() const {
    const std::size_t all = reference.size() / channels;
    return {rows(reference, 0, positives), rows(reference, positives, all), rows(compressed, 0, positives),
            rows(compressed, positives, all)};
  }
};

bool near(double found, const json& wanted) { return std::fabs(found - number(wanted)) <= 1e-11; }

void check_change(const probe_change& found, const json& known) {
  CHECK(near(found.auroc, known.at("auroc")));
  CHECK(near(found.true_positives, known.at("tpr")));
  CHECK(near(found.false_positives, known.at("fpr")));
  CHECK(found.lost == known.at("b").get<std::uint64_t>());
  CHECK(found.gained == known.at("c").get<std::uint64_t>());
  CHECK(near(found.mcnemar_p, known.at("mcnemar_p")));
  CHECK(found.to_wrong == known.at("right_to_wrong").get<std::uint64_t>());
  CHECK(found.to_right == known.at("wrong_to_right").get<std::uint64_t>());
  CHECK(near(found.mcnemar_p_right, known.at("mcnemar_p_right")));
}

}  // namespace

TEST_CASE("measure_probe: another program's direction, threshold, rates and decisions, as it is and recentered") {
  const json known = qfa_test::read_data("analyses.json").at("a8_probe");
  const safetensors file(std::filesystem::path(QFA_TEST_DATA) / "analyses.safetensors");
  for (const json& one : known.at("conditions")) {
    const std::string condition = one.at("condition");
    CAPTURE(condition);
    const auto part = [&](const std::string& name, std::size_t positives) {
      probe_part out{read_floats(file.at("a8.probe." + name)), {}, positives};
      if (condition == "same")
        out.compressed = out.reference;
      else if (condition == "collapsed")
        out.compressed.assign(out.reference.size(), 0.5f);
      else
        out.compressed = read_floats(file.at("a8.probe." + name + "." + condition));
      return out;
    };
    const probe_part train = part("train", 25), test = part("test", 50);
    const std::vector<double> direction = find_probe(train.view().harmful, train.view().harmless);
    for (std::size_t i = 0; i < channels; ++i)
      CHECK(near(direction[i], known.at("direction")[i]));
    const probe_fidelity found = measure_probe(direction, train.view(), test.view());
    CHECK(near(found.threshold, known.at("threshold")));
    CHECK(near(found.auroc.value, known.at("auroc_ref")));
    CHECK(near(found.true_positives, known.at("tpr_ref")));
    CHECK(near(found.false_positives, known.at("fpr_ref")));
    check_change(found.frozen, one.at("frozen"));
    check_change(found.recentered, one.at("recentred"));
    check_change(measure_probe(direction, test.view(), test.view()).recentered, one.at("recentred_test"));
    CHECK(near(found.frozen.auroc_lost.value + found.frozen.auroc, known.at("auroc_ref")));
    if (condition == "same") CHECK(found.frozen.auroc_lost.range.standard_error == 0.0);  // whoever is left out
    if (condition == "bias") {  // a constant would undo it, and nothing else is amiss
      CHECK(found.frozen.true_positives_lost.range.lower > 0.3);
      CHECK(found.recentered.true_positives_lost.value == 0.0);
    }
    if (condition == "noise") CHECK(found.recentered.auroc_lost.range.kind == interval_kind::two_sided);
  }
}

TEST_CASE("auroc and threshold: another program's cases") {
  const json known = qfa_test::read_data("analyses.json").at("a8_probe");
  for (const json& one : known.at("auroc_cases")) {
    const probe_scores scores{qfa_test::numbers(one.at("positive")), qfa_test::numbers(one.at("negative"))};
    const double wanted = number(one.at("auroc"));
    CHECK((std::isnan(wanted) ? std::isnan(scores.auroc()) : near(scores.auroc(), one.at("auroc"))));
  }
  for (const json& one : known.at("threshold_cases")) {
    const std::vector<double> negative = qfa_test::numbers(one.at("negative"));
    const double threshold = probe_threshold(negative);
    CHECK(threshold == number(one.at("threshold")));
    CHECK(near(probe_scores{{}, negative}.false_positive_rate(threshold), one.at("fpr")));
  }
  CHECK_THROWS_WITH(probe_threshold({}), doctest::Contains("a threshold needs negatives"));
}

TEST_CASE("compare_probe: intervals leave out a prompt on both sides, and cover what a second sample shows") {
  // Scores of two classes a distance of 2 apart, of which compression takes 1: losses of TPR and AUROC by 200 draws.
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  const auto draw = [&] {
    probe_scores before, after;
    for (int i = 0; i < 30; ++i) {
      const double noise = 0.5 * normal(random);
      before.positive.push_back(2.0 + normal(random));
      after.positive.push_back(before.positive.back() - 1.0 + noise);
      before.negative.push_back(normal(random));
      after.negative.push_back(before.negative.back() + 0.5 * normal(random));
    }
    return compare_probe(before, after, 1.0);
  };
  std::vector<probe_change> draws;
  double auroc = 0.0, rate = 0.0;
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) {
    draws.push_back(draw());
    auroc += draws.back().auroc_lost.value / count;
    rate += draws.back().true_positives_lost.value / count;
  }
  int covers_auroc = 0, covers_rate = 0;
  for (const probe_change& one : draws) {
    covers_auroc += one.auroc_lost.range.lower <= auroc && auroc <= one.auroc_lost.range.upper;
    covers_rate += one.true_positives_lost.range.lower <= rate && rate <= one.true_positives_lost.range.upper;
  }
  // 95 % of 200 is 190, with a standard deviation of 3.1.
  CHECK(covers_auroc > 177);
  CHECK(covers_auroc < 200);
  CHECK(covers_rate > 177);
  CHECK(covers_rate < 200);
}

TEST_CASE("find_probe: logistic regression turns away from a channel that only shares the noise") {
  // Channel 1 holds the noise of channel 0 without its signal: the means differ in channel 0 alone, a fit subtracts.
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const auto draw = [&](float gap) {
    std::vector<float> out;
    for (int i = 0; i < 200; ++i) {
      const float noise = 2.0f * normal(random);
      out.insert(out.end(), {gap + noise + 0.5f * normal(random), noise});
    }
    return out;
  };
  const std::vector<float> positive = draw(1.0f), negative = draw(-1.0f);
  const matrix_view<const float> a(positive.data(), 200, 2), b(negative.data(), 200, 2);
  const std::vector<double> fit = find_probe(a, b, probe_kind::logistic);
  CHECK(fit[0] == doctest::Approx(std::sqrt(0.5)).epsilon(0.05));
  CHECK(fit[1] == doctest::Approx(-std::sqrt(0.5)).epsilon(0.05));
  const auto auroc = [&](const std::vector<double>& direction) { return detail::scores_of(a, b, direction).auroc(); };
  CHECK(auroc(fit) > auroc(find_probe(a, b)) + 0.05);
  CHECK_THROWS_WITH(find_probe(a, matrix_view<const float>(negative.data(), 100, 4), probe_kind::logistic),
                    doctest::Contains("both classes at one hook"));
}

}  // namespace alignment_probe_test
