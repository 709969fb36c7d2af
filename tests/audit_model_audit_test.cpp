// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/model_audit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "audit_made_up.hpp"
#include "made_up_caches.hpp"
#include "qfa/compress/identity.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace audit_model_audit_test {

using namespace qfa;
using namespace qfa_test;

namespace {

/// Rounds weights to 4 bits, and expects to have learned from so many tokens.
struct learned {
  std::size_t tokens = 0;
  void operator()(matrix_view<float> w, const tensor_info& info, const calibration& known) const {
    CHECK(known.inputs.tokens() == tokens);
    rtn{.bits = 4}(w, info);
  }
  calibration_needs needs() const { return {.channels = true}; }
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info&) const {
    return 4.0 * static_cast<double>(rows * columns);
  }
  std::string name() const { return "learned"; }
};

/// Rounds inputs to halves of a unit, and keeps the largest that it met.
struct half_inputs {
  double* largest = nullptr;
  void operator()(matrix_view<float>) const {}
  void activations(matrix_view<float> x, const linear_input& input) const {
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (float& v : x.row(r)) {
        if (largest != nullptr && input == linear_input{0, input_kind::attention})
          *largest = std::max(*largest, static_cast<double>(std::fabs(v)));
        v = std::nearbyint(2.0f * v) / 2.0f;
      }
  }
  std::string name() const { return "half_inputs"; }
};

}  // namespace

TEST_CASE("model_audit: the identity is the reference to the last bit") {
  model_audit audit = tiny_audit({.paired = true});
  const condition_result& same = audit.run(identity{});
  CHECK(same.loss->kl.value == 0.0);
  CHECK(same.loss->excess_loss.value == 0.0);
  CHECK(same.loss->top1_agreement.value == 1.0);
  CHECK(same.shift->energy.value == 0.0);
  for (const feature_summary& f : same.features)
    CHECK((f.r == 1.0 || f.reference_firings == 0.0));
  CHECK(audit.conditions().front().reference);
}

TEST_CASE("model_audit: fewer bits hurt more, and the numbers do not depend on threads") {
  const auto run = [] {
    model_audit audit = tiny_audit();
    audit.run(rtn{.bits = 8});
    audit.run(rtn{.bits = 4});
    return audit.result();
  };
  const audit_result result = run();
  REQUIRE(result.conditions.size() == 3);
  const auto& [reference, mild, hard] = std::tie(result.conditions[0], result.conditions[1], result.conditions[2]);
  CHECK(reference.by_published.mean_r.value == 1.0);
  CHECK(mild.by_published.mean_r.value < 1.0);
  CHECK(hard.by_published.mean_r.value < mild.by_published.mean_r.value);
  CHECK(hard.loss->kl.value > mild.loss->kl.value);
  CHECK(hard.policy == "rtn:bits=4");
  CHECK_FALSE(hard.tensors.empty());
  CHECK(result.published_overlaps.size() == 1);
  CHECK(result.made.architecture == "gpt_neox");
  CHECK(result.made.rows == 40);
#ifdef _OPENMP
  const int threads = omp_get_max_threads();
  for (const int n : {1, 3}) {
    omp_set_num_threads(n);
    const audit_result again = run();
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(again.conditions[c].loss->loss == result.conditions[c].loss->loss);
      CHECK(again.conditions[c].by_published.correlations.r == result.conditions[c].by_published.correlations.r);
    }
  }
  omp_set_num_threads(threads);
#endif
}

TEST_CASE("model_audit: processes that share the rows end with the bits of one, each of them") {
  const auto all_of = [](model_audit& audit) {
    audit.run(rtn{.bits = 4});
    audit.match_pruning_in_nats(rtn{.bits = 4}, "rtn:bits=4", random_rows(8, 12, 97, 5), 0.05);
    std::vector<std::vector<double>> out;
    for (const condition_result& c : audit.result().conditions) {
      out.push_back(c.by_honest.correlations.r);
      out.push_back({c.loss->loss, c.loss->kl.value, c.loss->batch_loss, c.loss->excess_loss.range.upper, c.fit.fvu,
                     c.first.norm, c.by_honest.mean_r.value, c.bits_per_weight.value_or(0.0)});
      if (c.shift)
        out.push_back(
            {c.shift->energy.value, c.shift->relative.value, c.shift->mean_shift_share.value, c.first.shift_share});
    }
    for (auto& list : out)
      std::ranges::replace_if(
          list, [](double x) { return std::isnan(x); }, -99.0);
    return out;
  };
  const audit_options options{.paired = true, .token_damage = true, .loss_batch_rows = 7};
  model_audit alone = tiny_audit(options);
  const auto whole = all_of(alone);
  for (const std::size_t parts : {2U, 3U}) {
    std::vector<pass_record> records(parts);
    std::barrier meeting(static_cast<std::ptrdiff_t>(parts));
    std::vector<std::vector<std::vector<double>>> found(parts);
    std::vector<std::thread> processes;
    for (std::size_t p = 0; p < parts; ++p)
      processes.emplace_back([&, p] {
        audit_options mine = options;
        mine.share = {p, parts, [&, p](pass_record& record) {
                        CHECK_FALSE(record.complete());
                        records[p] = record;
                        meeting.arrive_and_wait();
                        for (std::size_t other = 0; other < parts; ++other)
                          if (other != p) record += records[other];
                        meeting.arrive_and_wait();
                      }};
        model_audit audit = tiny_audit(mine);
        found[p] = all_of(audit);
      });
    for (std::thread& process : processes)
      process.join();
    for (const auto& each : found)
      CHECK(each == whole);
  }
}

TEST_CASE("model_audit: a record made elsewhere stands beside the others, if it is of these rows") {
  model_audit elsewhere = tiny_audit();
  model_audit audit = tiny_audit();
  pass_record made;
  audit_options options;
  options.share.complete = [&](pass_record& record) { made = record; };
  tiny_audit(options).run(rtn{.bits = 4});
  CHECK(made.name == "rtn:bits=4");
  const condition_result& added = audit.add(made);
  CHECK(added.by_honest.correlations.r == elsewhere.run(rtn{.bits = 4}).by_honest.correlations.r);
  CHECK(added.bits_per_weight == elsewhere.conditions()[1].bits_per_weight);
  CHECK(audit.conditions()[0].bits_per_weight == elsewhere.conditions()[0].bits_per_weight);
  check_refused([&] { audit.add(made); }, {"rtn:bits=4", "already"});
  model_audit other_rows = tiny_audit({}, tiny_settings(), 44);
  check_refused([&] { other_rows.add(made); }, {"rtn:bits=4", "rows"});
}

TEST_CASE("model_audit: after an interruption, finished conditions, the search and warnings are what they were") {
  const scratch here;
  struct killed {};
  audit_options options;
  options.checkpoint = {.directory = here.path() / "resume", .seconds = 0.0, .resume = true, .made_of = {}};
  std::size_t steps = 0, last = 0;
  const auto run = [&](bool keep) {
    model_audit audit(tiny_model(), lossless_sae(64), random_rows(400, 12, 97), tiny_settings(),
                      keep ? options : audit_options{}, [&](std::string_view, std::size_t, std::size_t) {
                        if (keep && steps++ == last) throw killed{};
                      });
    audit.calibrate_on(random_rows(3, 12, 97, 9), "some rows");
    audit.run(learned{36});
    language_model other = tiny_model();
    other.config.rope_base *= 2.0;
    audit.run_model(other, "other");
    audit.match_pruning_in_nats(rtn{.bits = 4}, "learned", random_rows(8, 12, 97, 5), 0.05);
    return audit.result();
  };
  const audit_result whole = run(false);
  REQUIRE(whole.conditions.size() == 5);  // two sparsities
  std::size_t processes = 0;
  for (;; ++processes, steps = 0, last += 5) {
    try {
      const audit_result again = run(true);
      REQUIRE(again.conditions.size() == 5);
      for (std::size_t c = 0; c < 5; ++c) {
        CHECK(again.conditions[c].policy == whole.conditions[c].policy);
        CHECK(again.conditions[c].loss->kl.value == whole.conditions[c].loss->kl.value);
        CHECK(again.conditions[c].by_published.correlations.r == whole.conditions[c].by_published.correlations.r);
        CHECK(again.conditions[c].bits_per_weight == whole.conditions[c].bits_per_weight);
        CHECK(again.conditions[c].tensors.size() == whole.conditions[c].tensors.size());
      }
      CHECK(again.conditions[3].match->trials == whole.conditions[3].match->trials);
      CHECK(again.conditions[3].match->reference == whole.conditions[3].match->reference);
      CHECK(again.conditions[4].match->across);
      CHECK(again.conditions[4].match->sparsity == whole.conditions[4].match->sparsity);
      CHECK(again.conditions[3].at_equal_loss->place == whole.conditions[3].at_equal_loss->place);
      CHECK(again.made.warnings == whole.made.warnings);
      CHECK(again.made.calibration == whole.made.calibration);
      break;
    } catch (const killed&) {
    }
    remove_checkpoint(processes % 4 == 3 ? options.checkpoint.directory : here.path() / "none");
  }
  CHECK(processes > 5);
}

TEST_CASE("model_audit: without losses a pass ends with the hook, and the features are the same") {
  model_audit whole = tiny_audit(), short_passes = tiny_audit({.losses = false});
  const condition_result& expected = whole.run(rtn{.bits = 4});
  const condition_result& found = short_passes.run(rtn{.bits = 4});
  CHECK(found.by_honest.correlations.r == expected.by_honest.correlations.r);
  CHECK(found.fit.fvu == expected.fit.fvu);
  CHECK(found.bits_per_weight == expected.bits_per_weight);
  CHECK_FALSE(found.loss.has_value());
  CHECK_FALSE(short_passes.conditions().front().loss.has_value());
  CHECK(short_passes.result().made.loss == "not asked for");
  CHECK_THROWS_WITH_AS(short_passes.match_pruning_as_published("rtn:bits=4"),
                       "pruning that is matched on perplexity needs an audit with losses", error);
}

TEST_CASE("model_audit: a stranger's policy is a callable and a name") {
  model_audit audit = tiny_audit();
  const auto halve = [](matrix_view<float> w) {
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (float& x : w.row(r))
        x *= 0.5f;
  };
  const condition_result& halved = audit.run(halve, "halve");
  CHECK(halved.policy == "halve");
  CHECK(halved.loss->kl.value > 0.0);
}

TEST_CASE("model_audit: the published match keeps the visited sparsity whose perplexity is nearest") {
  model_audit audit = tiny_audit({.rules = published}, tiny_settings(published));
  audit.run(rtn{.bits = 4});
  const condition_result& pruned = audit.match_pruning_as_published("rtn:bits=4");
  REQUIRE(pruned.match.has_value());
  CHECK(pruned.match->trials.size() == 6);
  CHECK(pruned.match->trials[0].first == 0.4);
  CHECK(pruned.match->same_rows);
  for (const auto& [sparsity, value] : pruned.match->trials)
    CHECK(std::fabs(pruned.match->reached - pruned.match->target) <= std::fabs(value - pruned.match->target));
  CHECK(pruned.loss->perplexity == doctest::Approx(pruned.match->reached).epsilon(1e-12));
  CHECK_THROWS_AS(audit.match_pruning_as_published("rtn:bits=7"), error);
}

TEST_CASE("model_audit: matching in nats works on rows that are not reported") {
  model_audit audit = tiny_audit();
  const token_rows other = random_rows(16, 12, 97, 77);
  const condition_result& pruned = audit.match_pruning_in_nats(rtn{.bits = 3}, "rtn:bits=3", other, 0.01);
  REQUIRE(pruned.match.has_value());
  CHECK_FALSE(pruned.match->same_rows);
  CHECK(pruned.match->rows == 16);
  if (pruned.match->within_tolerance) CHECK(std::fabs(pruned.match->reached - pruned.match->target) <= 0.01);
  CHECK(pruned.match->reference == mean_loss(audit.reference(), other));
}

TEST_CASE("model_audit: pruning that is matched in nats is run on both sides, and its damage is that between") {
  model_audit audit = tiny_audit();
  audit.run(rtn{.bits = 4});
  const condition_result& nearest =
      audit.match_pruning_in_nats(rtn{.bits = 4}, "rtn:bits=4", random_rows(8, 12, 97, 5), 0.05);
  const audit_result result = audit.result();
  REQUIRE(result.conditions.size() == 4);
  const condition_result& across = result.conditions[3];
  REQUIRE(across.match->across);
  CHECK(across.ladder_only);  // in no table
  CHECK(result.honest_overlaps.size() == 1);
  CHECK((across.match->reached < across.match->target) != (nearest.match->reached < nearest.match->target));
  CHECK(across.tensors.front().change.zeroed_share() == doctest::Approx(across.match->sparsity).epsilon(0.05));
  const auto& at = result.conditions[2].at_equal_loss;
  REQUIRE(at.has_value());
  CHECK(at->nearest == nearest.policy);
  CHECK(at->across == across.policy);
  const double low = nearest.loss->excess_loss.value, high = across.loss->excess_loss.value;
  const double target = result.conditions[1].loss->excess_loss.value;
  CHECK(at->place == doctest::Approx((target - low) / (high - low)).epsilon(1e-12));
  CHECK_FALSE(result.conditions[1].at_equal_loss.has_value());
}

TEST_CASE("model_audit: processing after and before compression are different models, told apart in the report") {
  audit_settings settings = tiny_settings();
  settings.weight_processing = transformer_lens_processing;
  model_audit after = tiny_audit({}, settings);
  settings.order = compression_order::process_then_compress;
  model_audit before = tiny_audit({}, settings);
  // Processing changes no prediction of the reference ...
  model_audit plain = tiny_audit();
  CHECK(after.conditions()[0].loss->loss == doctest::Approx(plain.conditions()[0].loss->loss).epsilon(1e-5));
  // ... and what a quantizer does to it.
  after.run(rtn{.bits = 4});
  before.run(rtn{.bits = 4});
  CHECK(after.conditions()[1].loss->loss != before.conditions()[1].loss->loss);
  CHECK(after.result().made.order == "compress,process");
  CHECK(before.result().made.order == "process,compress");
  CHECK(before.result().made.processing == "tl");
}

TEST_CASE("model_audit: an SAE of another width or a hook that is not there is refused by name") {
  CHECK_THROWS_AS(model_audit(tiny_model(), lossless_sae(63), random_rows(8, 12, 97), tiny_settings()), error);
  audit_settings settings = tiny_settings();
  settings.hook = "blocks.9.hook_resid_post";
  CHECK_THROWS_AS(model_audit(tiny_model(), lossless_sae(64), random_rows(8, 12, 97), settings), error);
}

TEST_CASE("model_audit: a policy learns from the rows that it is given, and the report says which") {
  model_audit audit = tiny_audit();
  check_refused([&] { audit.run(learned{36}); }, {"calibration tokens"});
  CHECK(audit.result().made.calibration.empty());
  audit.calibrate_on(random_rows(3, 12, 97, 9), "rows 5 to 7 of a file");
  CHECK(audit.result().made.calibration.empty());  // nobody has learned yet
  audit.run(rtn{.bits = 4});
  CHECK(audit.result().made.calibration.empty());
  const condition_result& c = audit.run(learned{36});
  CHECK(c.bits_per_weight == 4.0);
  CHECK(c.loss->loss == audit.conditions()[1].loss->loss);  // it rounds as rtn does
  const audit_result result = audit.result();
  CHECK(result.made.calibration == "rows 5 to 7 of a file");
  CHECK(result.made.calibration_tokens == 36);
  audit.run(rtn{.bits = 8});  // which learns nothing, and others still have
  CHECK(audit.result().made.calibration == "rows 5 to 7 of a file");
}

TEST_CASE("model_audit: pruning that is matched to a policy that learns has learned by way of it") {
  model_audit audit = tiny_audit();
  audit.calibrate_on(random_rows(3, 12, 97, 9), "some rows");
  audit.match_pruning_in_nats(rtn{.bits = 4}, "elsewhere", random_rows(8, 12, 97, 5), 0.05);
  CHECK(audit.result().made.calibration.empty());
  model_audit other = tiny_audit();
  other.calibrate_on(random_rows(3, 12, 97, 9), "some rows");
  other.match_pruning_in_nats(learned{36}, "elsewhere", random_rows(8, 12, 97, 5), 0.05);
  CHECK(other.result().made.calibration == "some rows");
}

TEST_CASE("model_audit: calibration is of the weights that are compressed, stored or processed") {
  audit_settings settings = tiny_settings();
  settings.weight_processing = transformer_lens_processing;
  const auto peaks = [&](compression_order order, const language_model& model) {
    settings.order = order;
    model_audit audit = tiny_audit({}, settings);
    const token_rows rows = random_rows(2, 12, 97, 9);
    audit.calibrate_on(rows, "some");
    calibrator expected(model, rows, {.channels = true}, {{1, input_kind::mlp}});
    const input_statistics known = expected({1, input_kind::mlp}).inputs;
    bool same = false;
    const auto look = [&](matrix_view<float>, const tensor_info& info, const calibration& c) {
      if (info.role == tensor_role::up && info.layer == 1) same = c.inputs.sum_square()[7] == known.sum_square()[7];
    };
    audit.run(look, "look");
    return same;
  };
  const language_model stored = tiny_model();
  const language_model processed = process(stored, transformer_lens_processing);
  CHECK(peaks(compression_order::compress_then_process, stored));
  CHECK(peaks(compression_order::process_then_compress, processed));
  CHECK_FALSE(peaks(compression_order::compress_then_process, processed));
}

TEST_CASE("model_audit: changed activations reach the loss, the features and the match") {
  model_audit audit = tiny_audit({.paired = true});
  const condition_result& c = audit.run(half_inputs{});
  CHECK(c.loss->kl.value > 0.0);
  CHECK(c.shift->energy.value > 0.0);
  CHECK(c.by_honest.mean_r.value < 1.0);
  const double halves = c.loss->excess_loss.value;
  CHECK(halves != 0.0);
  // The loss that pruning is matched to is that of the changed activations.
  const token_rows other = random_rows(16, 12, 97, 77);
  const condition_result& matched = audit.match_pruning_in_nats(half_inputs{}, "half_inputs", other, 0.01);
  CHECK(matched.match->target != mean_loss(audit.reference(), other));
}

TEST_CASE("model_audit: activations are changed as the stored weights read them, where processing comes after") {
  audit_settings settings = tiny_settings();
  double plain = 0.0, after = 0.0, before = 0.0;
  tiny_audit({}, settings).run(half_inputs{&plain});
  settings.weight_processing = transformer_lens_processing;
  model_audit deployed = tiny_audit({}, settings);
  const double loss = deployed.run(half_inputs{&after}).loss->loss;
  CHECK(after == doctest::Approx(plain).epsilon(1e-5));
  model_audit as_stored = tiny_audit();
  CHECK(loss == doctest::Approx(as_stored.run(half_inputs{}).loss->loss).epsilon(1e-4));
  settings.order = compression_order::process_then_compress;
  tiny_audit({}, settings).run(half_inputs{&before});
  CHECK(std::fabs(before - plain) > 1e-3 * plain);  // gamma went into the weights
  settings.order = compression_order::compress_then_process;
  settings.hook = "blocks.1.attn.hook_z";
  model_audit at_z = tiny_audit({}, settings);
  check_refused([&] { at_z.run(half_inputs{}); }, {"hook_z", "fold_value_biases"});
}

TEST_CASE("model_audit: bits of the reference are those of the files, where all conditions agree on them") {
  language_model model = tiny_model();
  const auto stored_up = [](std::size_t layer) {
    return "gpt_neox.layers." + std::to_string(layer) + ".mlp.dense_h_to_4h.weight";
  };
  model.tensors[stored_up(0)].bits = 16.0;
  model_audit audit(model, lossless_sae(64), random_rows(40, 12, 97), tiny_settings());
  CHECK_FALSE(audit.conditions()[0].bits_per_weight.has_value());
  const target_patterns first{.include = {stored_up(0)}, .exclude = {}},
      second{.include = {stored_up(1)}, .exclude = {}};
  CHECK(audit.run(magnitude_pruner{.sparsity = 0.5}, first).bits_per_weight == 16.0);
  CHECK(audit.conditions()[0].bits_per_weight == 16.0);
  CHECK(audit.run(rtn{.bits = 4}, first).bits_per_weight == 4.5);
  CHECK(audit.conditions()[0].bits_per_weight == 16.0);
  CHECK(audit.run(magnitude_pruner{.sparsity = 0.25}, second).bits_per_weight == 32.0);
  CHECK_FALSE(audit.conditions()[0].bits_per_weight.has_value());
}

TEST_CASE("model_audit: a model compressed elsewhere is audited as its policy is") {
  audit_settings settings = tiny_settings();
  settings.weight_processing = transformer_lens_processing;
  for (const compression_order order :
       {compression_order::compress_then_process, compression_order::process_then_compress}) {
    settings.order = order;
    model_audit audit = tiny_audit({}, settings);
    const language_model compressed = compress(tiny_model(), rtn{.bits = 4}).model;
    const condition_result from_file = audit.run_model(compressed, "from a file");
    CHECK(from_file.policy == "from a file");
    CHECK(from_file.tensors.size() == 18);
    const condition_result by_policy = audit.run(rtn{.bits = 4});
    const bool same = order == compression_order::compress_then_process;
    CHECK((from_file.loss->loss == by_policy.loss->loss) == same);
    CHECK((from_file.tensors[3].change == by_policy.tensors[3].change) == same);
    CHECK(*from_file.bits_per_weight == doctest::Approx(*by_policy.bits_per_weight).epsilon(1e-14));
    CHECK(audit.conditions()[0].bits_per_weight == 32.0);
    CHECK(audit.result().made.warnings.size() == (same ? 0U : 1U));
  }
  model_audit audit = tiny_audit();
  check_refused([&] { audit.run_model(tiny_model("llama"), "other"); }, {"llama", "gpt_neox"});
  CHECK(audit.conditions().size() == 1);
  // Its inputs may be changed, too.
  double largest = 0.0;
  const compressed_model changed = compress(tiny_model(), half_inputs{&largest});
  CHECK(audit.run_model(changed.model, "with inputs", {}, changed.on_inputs).loss->kl.value > 0.0);
  CHECK(largest > 0.0);
}

TEST_CASE("model_audit: every condition has a name of its own, and references to earlier ones stay good") {
  model_audit audit = tiny_audit();
  check_refused([&] { audit.run(identity{}, ""); }, {"needs a name"});
  check_refused([&] { audit.run(identity{}, "reference"); }, {"\"reference\" already"});
  const condition_result& first = audit.run(magnitude_pruner{.sparsity = 0.475});
  check_refused([&] { audit.run_model(tiny_model(), first.policy); }, {first.policy, "already"});
  // The first step of the bisection reaches that sparsity exactly: the match has another name.
  const token_rows other = random_rows(16, 12, 97, 77);
  const condition_result& matched =
      audit.match_pruning_in_nats(magnitude_pruner{.sparsity = 0.475}, first.policy, other, 0.01);
  CHECK(matched.policy == first.policy + " matched to " + first.policy);
  CHECK(matched.match->tolerance == 0.01);
  CHECK(&first == &audit.conditions()[1]);
  CHECK(audit.conditions().size() == 4);  // another sparsity, from the other side
}

TEST_CASE("model_audit: an unembedding that only the processed model has is compressed and counted") {
  audit_settings settings = tiny_settings();
  settings.weight_processing = transformer_lens_processing;
  settings.order = compression_order::process_then_compress;
  model_audit audit(tiny_model("qwen2"), lossless_sae(64), random_rows(40, 12, 97), settings);
  const condition_result& c = audit.run(rtn{.bits = 8}, target_patterns{.include = {"lm_head.weight"}, .exclude = {}});
  CHECK(c.tensors.size() == 1);
  CHECK(audit.conditions()[0].bits_per_weight == 32.0);
}

TEST_CASE("model_audit: what calibration shares with the report, and what models do not, is warned of") {
  language_model model = tiny_model();
  model.quantization = "gptq";
  model_audit audit(model, lossless_sae(64), random_rows(40, 12, 97), tiny_settings());
  REQUIRE(audit.result().made.warnings.size() == 1);
  CHECK(audit.result().made.warnings[0].find("the reference is itself quantized (gptq)") == 0);
  language_model other = tiny_model();
  other.config.rope_base *= 2.0;
  audit.run_model(other, "other");
  REQUIRE(audit.result().made.warnings.size() == 2);
  CHECK(audit.result().made.warnings[1].find("other differs from the reference in more than weights: rope base") == 0);
  audit.calibrate_on(rows_of(audit.tokens(), 3, 5), "some");
  CHECK(audit.result().made.warnings.size() == 2);
  audit.run(learned{60});
  REQUIRE(audit.result().made.warnings.size() == 3);
  CHECK(audit.result().made.warnings[0].find("5 of the 5 rows") == 0);
}

TEST_CASE(
    "model_audit: caches are audited by themselves and with policies, and a cache that keeps all changes nothing") {
  struct keeping {
    cache_point point = cache_point::before_rope;
    void operator()(matrix_view<float>, matrix_view<float>, const cache_update&) const noexcept {}
    double stored_bits(std::size_t tokens, const cache_info& info) const {
      return 2.0 * 32.0 * static_cast<double>(tokens * info.width());
    }
  };
  model_audit audit = tiny_audit();
  const std::size_t layers = audit.reference().config().layers;
  const std::size_t context = audit.tokens().context;
  const cache_plan keep(any_cache_policy(keeping{}, "keeping"), layers);
  const condition_result same = audit.run_cache({keep, {.prefill = 5}}, "keeping");
  CHECK(same.loss->kl.value == 0.0);
  for (const feature_summary& f : same.features)
    CHECK((f.r == 1.0 || f.reference_firings == 0.0));
  REQUIRE(same.cache);
  CHECK(same.cache->name == "keeping");
  CHECK(same.cache->first_call == 5);
  CHECK(same.cache->calls == 1 + context - 5);
  CHECK(*same.cache->bits_per_element == 32.0);
  CHECK(same.tensors.empty());

  const cache_plan coarse(rounding_cache{.step = 0.5f}, layers), waiting(waiting_cache{}, layers);
  const condition_result cache = audit.run_cache({coarse, {}}, "rounding");
  CHECK(cache.loss->kl.value > 0.0);
  CHECK_FALSE(cache.cache->bits_per_element);
  CHECK(audit.run_cache({waiting, {}}, "waiting").cache->calls == context);
  const condition_result weights = audit.run(rtn{.bits = 4});
  const condition_result both = audit.run(rtn{.bits = 4}, {coarse, {}}, "both");
  CHECK(both.tensors.size() == weights.tensors.size());
  CHECK(both.loss->kl.value != weights.loss->kl.value);
  CHECK(both.loss->kl.value != cache.loss->kl.value);
  CHECK(both.bits_per_weight == weights.bits_per_weight);
  CHECK(audit.conditions()[0].bits_per_weight == 32.0);
  const condition_result kept = audit.run(rtn{.bits = 4}, {keep, {}}, "keeping both");
  CHECK(kept.loss->kl.value == weights.loss->kl.value);
  CHECK_THROWS_WITH(audit.run_cache({cache_plan(rounding_cache{}, layers + 1), {}}, "more"),
                    doctest::Contains("is not for a model of"));
  CHECK_THROWS_WITH(audit.run_cache({waiting, {.prefill = 0}}, "hidden"), doctest::Contains("shows nothing in a text"));
}

TEST_CASE("model_audit: caches learn from calibration rows of the model that they are in") {
  struct peak {
    float largest = 0.0f;
    void operator()(matrix_view<float> keys, matrix_view<float>, const cache_update& u) const {
      CHECK(largest > 0.0f);
      round_rows(keys, u.first_new, keys.rows(), largest / 7.0f);
    }
    void learn(matrix_view<const float> keys, matrix_view<const float>, const cache_info&) {
      for (std::size_t i = 0; i < keys.size(); ++i)
        largest = std::max(largest, std::fabs(keys.data()[i]));
    }
  };
  model_audit audit = tiny_audit();
  const cache_plan plan(any_cache_policy(peak{}, "peak"), audit.reference().config().layers);
  CHECK_THROWS_WITH(audit.run_cache({plan, {}}, "unlearned"),
                    "the cache peak needs calibration tokens, and none were given");
  model_audit taught = tiny_audit();
  taught.calibrate_on(rows_of(taught.tokens(), 0, 2), "two rows");
  CHECK(taught.run_cache({plan, {}}, "peak").loss->kl.value > 0.0);
  CHECK(taught.result().made.calibration == "two rows");
}

}  // namespace audit_model_audit_test
