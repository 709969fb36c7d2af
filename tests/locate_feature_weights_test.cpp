// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/feature_weights.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "audit_made_up.hpp"
#include "scratch.hpp"

namespace locate_feature_weights_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("weights_of: each weighting by its definition, in the order of the measured features") {
  sae dictionary;
  dictionary.d_in = 2;
  dictionary.d_sae = 3;
  dictionary.w_dec = {3.0f, 4.0f, 0.0f, 0.0f, 0.0f, 2.0f};
  const std::vector<std::uint32_t> features{0, 1, 2}, listed{2, 7};
  const std::vector<double> masses{10.0, 0.0, 6.0}, lengths{0.5, 9.0, 4.0};
  const auto by = [&](feature_weighting w) { return weights_of(w, features, masses, dictionary, lengths, listed); };
  CHECK(by(feature_weighting::uniform) == std::vector{1.0, 1.0, 1.0});
  CHECK(by(feature_weighting::mass) == masses);
  CHECK(by(feature_weighting::logit) == std::vector{1.0, 0.0, 12.0});  // sum of x: 2 and 3
  CHECK(by(feature_weighting::listed) == std::vector{0.0, 0.0, 1.0});
}

TEST_CASE("read_feature_list: ids once each and in order, a heading and further columns passed over") {
  const scratch folder;
  const auto read = [&](std::string_view text) { return read_feature_list(folder.write("list.csv", text), 100); };
  CHECK(read("7\n3\n99\n7\n") == std::vector<std::uint32_t>{3, 7, 99});
  CHECK(read("feature,note\n5,\"keep, please\"\n") == std::vector<std::uint32_t>{5});
  for (const char* text : {"", "feature\n"})
    check_refused([&] { read(text); }, {"list.csv", "lists no feature"});
  check_refused([&] { read("5\n100\n"); }, {"line 2", "list.csv", "\"100\"", "0 to 99"});
  check_refused([&] { read("5\n-1\n"); }, {"line 2", "\"-1\""});
  check_refused([&] { read("5\n6 7\n"); }, {"\"6 7\""});
}

TEST_CASE("parse_weighting: a name, or a file of features") {
  const scratch folder;
  CHECK(parse_weighting("mass", 100).by == feature_weighting::mass);
  const chosen_weighting listed = parse_weighting(folder.write("list.csv", "7\n3\n").string(), 100);
  CHECK(listed.by == feature_weighting::listed);
  CHECK(listed.listed == std::vector<std::uint32_t>{3, 7});
  check_refused([&] { parse_weighting("listed", 100); }, {"uniform, mass, logit", "\"listed\""});
  check_refused([&] { parse_weighting(std::string(100'000, 'a'), 100); }, {"uniform, mass, logit", "there is no"});
}

}  // namespace locate_feature_weights_test
