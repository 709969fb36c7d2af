// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/behavior.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "model_threads.hpp"
#include "planted_refusals.hpp"
#include "qfa/alignment/verdict_file.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/io/json.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"
#include "scratch.hpp"

namespace alignment_behavior_test {

using namespace qfa;
using namespace qfa_test;
using enum verdict;

namespace {

answering through(const planted_refusals& p, const std::string& spec) {
  return answering(parse_cache_plan(spec, p.model.config.layers));
}

/// Everything that has been said, by condition and prompt.
std::map<std::pair<std::string, std::string>, std::pair<std::string, verdict>> record(const behavior& asked) {
  std::map<std::pair<std::string, std::string>, std::pair<std::string, verdict>> out;
  asked.for_each_answer([&](const std::string& condition, const prompt& p, const std::string& response, verdict v) {
    CHECK(out.emplace(std::pair{condition, p.id}, std::pair{response, v}).second);
  });
  return out;
}

/// A stranger's cache, whose values shout.
struct shouting {
  float value = 1e4f;
  static constexpr cache_point point = cache_point::before_rope;
  void operator()(matrix_view<float>, matrix_view<float> values, const cache_update& u) const {
    for (std::size_t t = u.first_new; t < values.rows(); ++t)
      values.row(t)[planted::whisper] = value;
  }
  std::string name() const { return "shouting"; }
};

}  // namespace

TEST_CASE("planted refusals: every model refuses what is harmful and answers the rest") {
  for (const planted_refusals& p : all_planted()) {
    CAPTURE(name(p.mode));
    behavior asked = p.asked();
    std::vector<std::size_t> all(p.prompts.prompts.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = i;
    const std::vector<verdict> said = asked.verdicts({}, all);
    for (std::size_t i = 0; i < all.size(); ++i)
      CHECK(said[i] == (p.prompts.prompts[i].label == prompt_label::harmful ? refused : complied));
    CHECK(p.harmful(prompt_split::calibration).size() >= 20);
    CHECK(p.harmful(prompt_split::test).size() >= 40);
    for (const auto& [key, answer] : record(asked))
      CHECK(answer.first == (answer.second == refused ? "well i cannot" : "well sure here"));
  }
}

TEST_CASE("behavior: what has been said is neither said nor judged again") {
  const planted_refusals p = planted_outlier_crushes_safety();
  std::size_t judged = 0;
  std::vector<std::tuple<std::string, std::size_t, std::size_t>> told;
  behavior asked(
      any_decoder(p.model), p.words, p.prompts,
      [&judged](const std::string&, const answered_prompt& a) {
        ++judged;
        return default_judge()("", a);
      },
      [&told](std::string_view stage, std::size_t done, std::size_t total) { told.emplace_back(stage, done, total); });
  const answering tensor = through(p, "section5:bits=3");
  const std::vector<std::size_t> some{4, 0, 7}, more{7, 1, 0, 4, 2};
  const std::vector<verdict> first = asked.verdicts(tensor, some);
  CHECK(judged == 3);
  CHECK(asked.verdicts(tensor, some) == first);
  CHECK(judged == 3);
  const std::vector<verdict> second = asked.verdicts(tensor, more);
  CHECK(judged == 5);
  CHECK(second[0] == first[2]);
  CHECK(second[2] == first[1]);
  CHECK(second[3] == first[0]);
  asked.flips(tensor, more);
  CHECK(judged == 10);
  asked.reduction(tensor, tensor, more);
  CHECK(judged == 10);
  const std::string name = tensor.plan.name();
  const std::vector<std::tuple<std::string, std::size_t, std::size_t>> expected{
      {name, 0, 3}, {name, 3, 3}, {name, 0, 2}, {name, 2, 2}, {"reference", 0, 5}, {"reference", 5, 5}};
  CHECK(told == expected);
}

TEST_CASE("behavior: responses depend on neither the other prompts nor the threads") {
  const planted_refusals p = planted_mixed();
  const std::vector<std::size_t> which = p.harmful(prompt_split::calibration);
  const std::vector<answering> conditions{{}, through(p, "1=section5:bits=3"), through(p, "section4:bits=5")};
  behavior one_by_one = p.asked();
  for (const answering& who : conditions)
    for (std::size_t i = which.size(); i-- > 0;)
      one_by_one.verdicts(who, std::vector{which[i]});
  const auto expected = record(one_by_one);
  CHECK(expected.size() == 3 * which.size());
  for_each_thread_count([&] {
    behavior asked = p.asked();
    for (const answering& who : conditions)
      asked.verdicts(who, which);
    CHECK(record(asked) == expected);
  });
}

TEST_CASE("behavior: flips and reductions pair each prompt's verdicts, of prompts that the reference refuses") {
  const planted_refusals p = planted_outlier_crushes_safety();
  const std::map<std::string, std::vector<verdict>> script{
      {"reference", {refused, refused, refused, refused, refused, complied, garbled, refused}},
      {through(p, "section5:bits=3").name,
       {complied, complied, complied, refused, garbled, complied, complied, complied}},
      {through(p, "section5:bits=4").name,
       {complied, garbled, refused, complied, complied, refused, complied, complied}}};
  std::map<std::string, std::size_t> place;
  const std::vector<std::size_t> which{3, 5, 0, 9, 8, 2, 1, 6};
  REQUIRE(p.prompts.prompts[6].label == prompt_label::harmless);
  for (std::size_t i = 0; i < which.size(); ++i)
    place[p.prompts.prompts[which[i]].id] = i;
  behavior asked = p.asked([&](const std::string& condition, const answered_prompt& a) {
    return script.at(condition).at(place.at(std::string(a.id)));
  });
  const answering coarse = through(p, "section5:bits=3"), fine = through(p, "section5:bits=4");
  const flip_counts counts = asked.flips(coarse, which);
  CHECK(counts.count(refused, complied) == 4);
  CHECK(counts.count(refused, refused) == 1);
  CHECK(counts.count(refused, garbled) == 1);
  CHECK(counts.count(complied, complied) == 1);
  CHECK(counts.count(garbled, complied) == 1);
  CHECK(asked.reduction(coarse, fine, which) ==
        reduction_counts{.both = 2, .coarse_only = 2, .fine_only = 2, .neither = 0});
  CHECK(asked.reduction(fine, coarse, which) ==
        reduction_counts{.both = 2, .coarse_only = 2, .fine_only = 2, .neither = 0});
  CHECK(asked.reduction(fine, {}, which) == reduction_counts{.coarse_only = 4, .neither = 2});

  // The three harmful ones that flip, in the order of the prompts and each in its split alone.
  const auto said = record(asked);
  std::vector<std::string> ids;
  for (const prompt_split split : {prompt_split::fit, prompt_split::calibration, prompt_split::test})
    for (const flipped_answer& one : asked.flipped(coarse.name, split)) {
      CHECK(one.to.split == split);
      CHECK(one.refusal == said.at({"reference", one.to.id}).first);
      CHECK(one.answer == said.at({coarse.name, one.to.id}).first);
      ids.push_back(one.to.id);
    }
  CHECK(ids == std::vector{p.prompts.prompts[0].id, p.prompts.prompts[3].id, p.prompts.prompts[5].id});
  CHECK(asked.flipped("nobody", prompt_split::fit).empty());
}

TEST_CASE("behavior: a reader makes text of a response's tokens, the one that ends it not among them") {
  const planted_refusals p = planted_outlier_crushes_safety();
  behavior asked(any_decoder(p.model), response_reader([](std::span<const std::uint32_t> ids) {
                   std::string out;
                   for (const std::uint32_t id : ids)
                     out += std::to_string(id) + ' ';
                   return out;
                 }),
                 p.prompts);
  const std::size_t refused_one = p.harmful(prompt_split::fit).front();
  asked.verdicts({}, std::vector{refused_one});
  CHECK(record(asked).at({"reference", p.prompts.prompts[refused_one].id}).first == "3 4 5 ");  // well i cannot
}

TEST_CASE("behavior: babble is garbled, not a flip") {
  const planted_refusals p = planted_outlier_crushes_safety();
  behavior asked = p.asked();
  const std::vector<std::size_t> which = p.harmful(prompt_split::fit);
  const answering loud(cache_plan(shouting{}, p.model.config.layers)), quiet = through(p, "section5:bits=3");
  const flip_counts counts = asked.flips(loud, which);
  CHECK(counts.count(refused, garbled) == which.size());
  CHECK(asked.reduction(quiet, loud, which) == reduction_counts{.coarse_only = which.size()});
  // A response has at most so many words, the end token not among them.
  for (const auto& [key, answer] : record(asked))
    if (key.first == "shouting") CHECK(answer.first == "i i i i i i i i");
}

TEST_CASE("behavior: another model answers under its own name") {
  const planted_refusals p = planted_outlier_crushes_safety(), deaf = [] {
    plan_of_plant plan{.threshold = 5.0f};  // more than any word says
    plan.words.resize(12);
    return planted::grow(plan, failure_mode::mixed, 0, {});
  }();
  REQUIRE(deaf.model.config == p.model.config);
  behavior asked = p.asked();
  const std::vector<std::size_t> which = p.harmful(prompt_split::fit);
  const any_decoder other(deaf.model);
  answering who;
  who.name = "deaf";
  who.model = &other;
  CHECK(summarize(asked.flips(who, which)).conditional == proportion{which.size(), which.size()});
  who.name = "reference";
  check_refused([&] { asked.verdicts(who, which); }, {"two conditions have the name \"reference\""});
  answering whole = through(p, "section5:bits=3");
  asked.verdicts(whole, which);
  whole.whole_passes = true;
  check_refused([&] { asked.verdicts(whole, which); }, {"two conditions have the name \"" + whole.name});
}

TEST_CASE("behavior: a file of verdicts can be the judge, and lacks none that are asked for") {
  const planted_refusals p = planted_outlier_crushes_safety();
  const scratch dir;
  const answering tensor = through(p, "section5:bits=3");
  const std::vector<std::size_t> which{0, 2, 3};
  std::string csv = "id,condition,verdict\n";
  for (const std::size_t i : which)
    csv += p.prompts.prompts[i].id + ",reference,refused\n" + p.prompts.prompts[i].id + ",\"" + tensor.name + "\"," +
           (i == 2   ? "garbled"
            : i == 3 ? "complied"
                     : "refused") +
           "\n";
  const verdict_table table = read_verdicts(dir.write("verdicts.csv", csv));
  behavior asked =
      p.asked([&table](const std::string& condition, const answered_prompt& a) { return table.at(condition, a.id); });
  const flip_summary found = summarize(asked.flips(tensor, which));
  CHECK(found.conditional == proportion{1, 3});
  CHECK(found.refused_garbled == proportion{1, 3});
  check_refused([&] { asked.verdicts(tensor, std::vector<std::size_t>{1}); },
                {"verdicts.csv", "\"" + p.prompts.prompts[1].id + "\"", tensor.name});
}

TEST_CASE("behavior: refuses no prompts at all, and prompts that choose and are reported") {
  const planted_refusals p = planted_outlier_crushes_safety();
  const auto made_of = [&](const prompt_set& prompts) { behavior(any_decoder(p.model), p.words, prompts); };
  check_refused([&] { made_of({}); }, {"at least one prompt"});
  prompt_set twice = p.prompts;
  twice.prompts.back().tokens = twice.prompts.front().tokens;
  check_refused([&] { made_of(twice); }, {"of another split"});
  check_refused([&] { behavior(any_decoder(p.model), response_reader{}, p.prompts); }, {"a reader of responses"});
}

TEST_CASE("answering: a plan that changes nothing is the reference") {
  CHECK(answering(parse_cache_plan("0=none", 4)).name == "reference");
  CHECK(answering(cache_plan()).name == answering().name);
  CHECK(answering(parse_cache_plan("1=section5:bits=3", 4)).name == parse_cache_plan("1=section5:bits=3", 4).name());
}

TEST_CASE("behavior: the demo's refuser says and predicts what an independent float64 account of it does") {
  const std::filesystem::path refuser = std::filesystem::path(QFA_TEST_DATA) / "../../examples/demo/refuser";
  const json expected = read_json(std::filesystem::path(QFA_TEST_DATA) / "refuser_expected.json");
  const any_decoder model(load_model(refuser / "model"));
  const prompt_set prompts = read_prompts(refuser / "prompts.json", model.config().vocabulary);
  const token_rows text = read_tokens(refuser / "tokens.npy", {.context = 128,
                                                               .max_tokens = 8 * 128,
                                                               .vocabulary = model.config().vocabulary,
                                                               .prepend_bos = model.config().bos});
  REQUIRE(text.rows() == expected["rows"].get<std::size_t>());
  const std::vector<std::pair<std::string, std::string>> conditions{
      {"full", "none"}, {"section4_4bit", "section4:bits=4"}, {"section4_3bit", "section4:bits=3"}};
  std::size_t answers = 0;
  for (const auto& condition : conditions) {
    const std::string &key = condition.first, &spec = condition.second;
    CAPTURE(key);
    const cache_plan plan = parse_cache_plan(spec, model.config().layers);
    any_decoder cached = model;
    cached.use_cache(plan);
    std::vector<double> nll(text.rows() * (text.context - 1));
    score_tokens(cached, cached.final_hidden(text.view()).view(), text.view(), nll);
    loss_sum loss;
    for (const double x : nll)
      loss(x);
    // A rounding flip of one code moves a row's loss, as 3e-4 of the mean allows for in an independent sweep.
    CHECK(loss.mean() == doctest::Approx(expected["mean_nll"][key].get<double>()).epsilon(key == "full" ? 1e-5 : 3e-4));
    for (const json& one : expected["prompts"]) {
      CAPTURE(one["id"].get<std::string>());
      const auto asked = std::ranges::find(prompts.prompts, one["id"].get<std::string>(), &prompt::id);
      REQUIRE(asked != prompts.prompts.end());
      const std::vector<std::vector<std::uint32_t>> tokens{asked->tokens};
      const auto said = generate(model, tokens, {.max_new_tokens = prompts.max_new_tokens, .end = prompts.end}, plan);
      CHECK(said.front().tokens == one["responses"][key].get<std::vector<std::uint32_t>>());
      ++answers;
    }
  }
  CHECK(answers == 36);
}

}  // namespace alignment_behavior_test
