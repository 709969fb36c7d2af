// SPDX-License-Identifier: Apache-2.0
// How often the library's intervals cover the truth, as Markdown: the tables of examples/docs/intervals.md.
//
//   qfa_coverage designs [SEED [REPETITIONS]] | aggregates [SEED [REPETITIONS]] | selection [SEED [REPETITIONS]] |
//                population FOLDER_OF_stories260K
//
// Minutes each; exits with 1 where a bar is missed that should be met.
//
// Designs are fixed, and the page has seed 1, with 8000 and 2000 repetitions: the tables are the same on every machine
// but for the last bits of its std::log and std::exp.
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>

#include "aggregates.hpp"
#include "coverage.hpp"
#include "population.hpp"
#include "qfa/core/error.hpp"
#include "selection.hpp"

namespace {

using namespace qfa_test;

std::uint64_t seed = 1;

std::string share_or_dash(const hit_rate& h) {
  if (h.asked == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", 100.0 * h.share());
  return text;
}

bool print_designs(std::size_t repetitions) {
  std::printf("| design | rows | p | r | m_eff | unmeasured %% | **library** | n | bar | within | m_eff 5-10 | n |");
  for (std::size_t k = 1; k < formula_names.size(); ++k)
    std::printf(" %s |", std::string(formula_names[k]).c_str());
  std::printf("\n|---|---|---|---|---|---|---|---|---|---|---|---|");
  for (std::size_t k = 1; k < formula_names.size(); ++k)
    std::printf("---|");
  std::printf("\n");
  bool all_well = true;
  for (const design& d : all_designs) {
    const coverage_result c = measure_coverage(d, static_cast<std::uint32_t>(repetitions), seed);
    const hit_rate& own = c.of(formula::library);
    const bool counts = own.asked >= repetitions / 4;
    const bool well = counts && own.accepted();
    if (counts) all_well = all_well && well;
    std::printf("| %s | %zu | %g | %.4f | %.1f | %.1f | **%s** | %zu | %.1f | %s | %s | %zu |", d.name, d.rows, d.rate,
                c.truth, c.median_effective, 100.0 * double(c.unmeasured) / double(repetitions),
                share_or_dash(own).c_str(), own.asked, 100.0 * accepted_gap(double(own.asked)),
                !counts ? "-"
                : well  ? "yes"
                        : "no",
                share_or_dash(c.few).c_str(), c.few.asked);
    for (std::size_t k = 1; k < formula_names.size(); ++k)
      std::printf(" %s |", share_or_dash(c.by[k]).c_str());
    std::printf("\n");
    std::fflush(stdout);
  }
  return all_well;
}

bool print_aggregates(std::size_t repetitions) {
  std::printf(
      "| quantity | truth | mean estimate | bias, se | bias of the corrected, se | coverage %% | bar | within | "
      "least, most of a set | plain jackknife | unpaired |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  bool all_well = true;
  const auto results = measure_aggregates({}, repetitions, seed);
  for (std::size_t k = 0; k < results.size(); ++k) {
    const aggregate_result& r = results[k];
    const bool well = r.by_library.accepted(), wide = !well && r.by_library.share() > 0.95;
    all_well = all_well && (well || wide);
    std::printf("| %s | %.4f | %.4f | %+.2f | %+.2f | **%s** | %.1f | %s | %.0f, %.0f | %s | %s |\n",
                std::string(quantity_names[k]).c_str(), r.truth, r.mean_estimate, r.bias(), r.corrected_bias(),
                share_or_dash(r.by_library).c_str(), 100.0 * accepted_gap(double(repetitions)),
                well   ? "yes"
                : wide ? "wider"
                       : "no",
                100.0 * r.least, 100.0 * r.most, share_or_dash(r.by_plain).c_str(), share_or_dash(r.unpaired).c_str());
  }
  return all_well;
}

/// Where rows depend on each other for longer than a group, no bar is to be met: how far it is missed is the finding.
bool print_selection(std::size_t repetitions) {
  std::printf(
      "| rows that depend | groups | worst 5 %%: r where chosen | on the other half | truth | coverage %% | bar | "
      "within "
      "| about the chosen value | r of each | mean r of all |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  bool all_well = true;
  for (const selection_design& d : selection_designs) {
    const selection_result r = measure_selection(d, repetitions, seed);
    const bool asked = r.of_worst.asked > 0, well = asked && r.of_worst.accepted();
    if (d.shared_rows == 1) all_well = all_well && well;
    std::printf("| %s | %zu | %.4f | %.4f | %.4f | **%s** | %.1f | %s | %s | %s | %s |\n", d.name, d.groups, r.chosen,
                r.judged, r.truth, asked ? share_or_dash(r.of_worst).c_str() : "unmeasured",
                100.0 * accepted_gap(double(repetitions)),
                !asked ? "-"
                : well ? "yes"
                       : "no",
                share_or_dash(r.if_naive).c_str(), share_or_dash(r.of_each).c_str(), share_or_dash(r.of_all).c_str());
    std::fflush(stdout);
  }
  return all_well;
}

bool print_population(const std::filesystem::path& stories) {
  constexpr std::size_t samples = 200, sample_rows = 100;
  std::printf(
      "| SAE | policy | rows of a sample | tokens | features | coverage %% | intervals | m_eff < 10 | intervals | "
      "unmeasured |\n|---|---|---|---|---|---|---|---|---|---|\n");
  bool all_well = true;
  for (const char* name : {"sae_l2_standard", "sae_l2_jumprelu", "sae_l3_topk"}) {
    const population all = read_population(stories, name, qfa::rtn{.bits = 4}, 1000000);
    std::vector<std::vector<std::size_t>> runs, drawn;
    splitmix64 random{seed};
    for (std::size_t s = 0; s < samples; ++s) {
      runs.push_back(run_of_rows(s * (all.rows - sample_rows) / (samples - 1), sample_rows));
      drawn.push_back(drawn_rows(all.rows, sample_rows, random));
    }
    for (const bool at_random : {true, false}) {
      const population_result r = measure_population(all, at_random ? drawn : runs);
      if (at_random) all_well = all_well && r.mean_coverage >= 0.92 && r.mean_coverage <= 0.97;
      std::printf("| %s | rtn:bits=4 | %s | %zu | %zu | **%.1f** | %zu | %.1f | %zu | %zu |\n", name,
                  at_random ? "at random" : "one run", all.rows * all.context, r.features, 100.0 * r.mean_coverage,
                  r.intervals, 100.0 * r.mean_coverage_few, r.intervals_few, r.refused);
      std::fflush(stdout);
    }
  }
  return all_well;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string part = count > 1 ? arguments[1] : "";
  try {
    if (part == "population" && count == 3) return print_population(arguments[2]) ? 0 : 1;
    if (count > 2) seed = std::stoull(arguments[2]);
    if (part == "designs" && count <= 4) return print_designs(count > 3 ? std::stoul(arguments[3]) : 8000) ? 0 : 1;
    if (part == "aggregates" && count <= 4)
      return print_aggregates(count > 3 ? std::stoul(arguments[3]) : 2000) ? 0 : 1;
    if (part == "selection" && count <= 4) return print_selection(count > 3 ? std::stoul(arguments[3]) : 2000) ? 0 : 1;
    std::fprintf(stderr,
                 "qfa_coverage designs [SEED [REPETITIONS]] | aggregates [SEED [REPETITIONS]] | selection [SEED "
                 "[REPETITIONS]] | population FOLDER_OF_stories260K\n");
  } catch (const qfa::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
  }
  return 2;
}
