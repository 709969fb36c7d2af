// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "qfa/controls/earlier_audit.hpp"
#include "qfa/controls/ranking_score.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/csv.hpp"
#include "qfa/report/text_table.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

struct predict_arguments {
  std::string from, condition, score, out;
  std::optional<double> bits_fewer;
  std::size_t show = 10;
};

void print_score(const qfa::earlier_audit& from, const std::string& condition, const qfa::earlier_audit& to) {
  qfa::text_table table({"survival under", "survived", "AUC of " + condition, "95 %"});
  std::string refused;
  for (const std::string& name : to.conditions) {
    const qfa::ranking_score s = qfa::score_ranking(from, condition, to, name);
    table.add({name, std::to_string(s.survived) + "/" + std::to_string(s.features), qfa::fixed(s.auc.value, 3),
               qfa::range_text(s.auc.range, 3)});
    if (std::isnan(s.auc.value)) refused += name + ": no AUC (" + std::string(s.auc.range.reason) + ")\n";
  }
  std::cout << "\n" << table.str() << refused;
  if (from.groups == 0 || to.groups == 0)
    std::cout << "intervals need groups.npy beside both reports, which qfa audit writes\n";
  if (qfa::same_rows(from.rows, to.rows))
    std::cout
        << "both were measured on the same tokens, which flatters the AUC a little: qfa audit --controls ranks on "
           "other tokens than it scores on\n";
}

void run(const predict_arguments& arguments) {
  if (!ranks().leads()) return;
  const qfa::earlier_audit from = qfa::read_earlier_audit(arguments.from);
  const std::string& condition = from.condition(arguments.condition);
  qfa::earlier_audit to;
  if (!arguments.score.empty()) {
    to = qfa::read_earlier_audit(arguments.score);
    qfa::check_same_sae(from, to);
  }
  const std::vector<qfa::reported_feature> ranked = qfa::most_endangered_first(from.features.at(condition));
  std::cout << ranked.size() << " features of a " << from.gate << " SAE, ranked by the noise to signal that "
            << condition << " gave them; nothing is fitted\n";
  if (arguments.bits_fewer)
    std::cout << "at " << qfa::fixed(*arguments.bits_fewer, 1) << " bits fewer, "
              << qfa::survivors_at_fewer_bits(from, ranked, *arguments.bits_fewer)
              << " of them would have r above 0.9: each bit makes nu four times as large\n";
  qfa::text_table worst({"most endangered", "nu", "r"});
  for (std::size_t i = 0; i < ranked.size() && i < arguments.show; ++i)
    worst.add(
        {std::to_string(ranked[i].feature), qfa::fixed(ranked[i].noise_to_signal, 6), qfa::fixed(ranked[i].r, 6)});
  std::cout << "\n" << worst.str();
  if (!arguments.score.empty()) print_score(from, condition, to);
  if (arguments.out.empty()) return;
  qfa::atomic_file file(arguments.out);
  qfa::csv_writer csv(file.stream());
  for (const char* head : {"rank", "feature", "noise_to_signal", "r"})
    csv.cell(head);
  csv.end_row();
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    csv.cell(i + 1);
    csv.cell(ranked[i].feature);
    csv.cell(ranked[i].noise_to_signal);
    csv.cell(ranked[i].r);
    csv.end_row();
  }
  file.commit();
  std::cout << "\nwritten: " << arguments.out << "\n";
}

}  // namespace

void add_predict(CLI::App& app) {
  auto arguments = std::make_shared<predict_arguments>();
  CLI::App* command =
      app.add_subcommand("predict", "which features an audit at many bits foretells that fewer bits will lose");
  command->add_option("--from", arguments->from, "an earlier audit: its directory, or its report.json")->required();
  command->add_option("--condition", arguments->condition,
                      "the condition to rank by, as the audit names it, where that has several");
  command->add_option("--bits-fewer", arguments->bits_fewer,
                      "also count those with r above 0.9 at so many bits fewer; only of a ReLU SAE");
  command->add_option("--score", arguments->score, "another audit with the same SAE, whose survival is to be foretold");
  command->add_option("--show", arguments->show, "how many of the most endangered features to print (10)");
  command->add_option("--out", arguments->out, "a .csv file for the whole ranking");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace qfa_program
