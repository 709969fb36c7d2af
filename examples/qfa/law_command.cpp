// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "argument_words.hpp"
#include "commands.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/law/finding.hpp"
#include "qfa/law/law_table.hpp"
#include "qfa/report/law_json.hpp"
#include "qfa/report/law_text.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

struct law_arguments {
  std::string table, format = "text", out;
  std::vector<std::string> places;
};

void run(const law_arguments& arguments) {
  if (arguments.format != "text" && arguments.format != "json")
    qfa::fail("--format is " + qfa::in_quotes(arguments.format) + ", expected text or json");
  std::vector<qfa::law_place> places;
  for (const std::string& place : arguments.places)
    places.push_back(parse_place(place));
  const qfa::law_table table = qfa::read_law_table(arguments.table);
  const qfa::precision_findings found = qfa::find_precision_laws(table, places);
  if (!found.degradation && !found.unified && !found.feature_noise)
    qfa::fail(qfa::in_quotes(arguments.table) + " determines no law: " + found.missing.front());
  const std::string json = qfa::json_text(qfa::to_json(found)) + "\n";
  if (!arguments.out.empty()) {
    qfa::atomic_file to(arguments.out);
    to.stream() << json;
    to.commit();
  }
  std::cout << (arguments.format == "json" ? json : qfa::law_text(found));
}

}  // namespace

void add_law(CLI::App& app) {
  auto arguments = std::make_shared<law_arguments>();
  CLI::App* command =
      app.add_subcommand("law", "how damage grows with training and shrinks with size and bits, fitted to a table");
  command
      ->add_option("table", arguments->table,
                   "CSV: N, D, bits and one of delta, loss with reference_loss, nu; also trained_bits, checkpoint")
      ->required();
  command->add_option("--predict", arguments->places, "read the laws at a place, N=8e9,D=15e12,bits=4; repeatable");
  command->add_option("--format", arguments->format, "text or json");
  command->add_option("--out", arguments->out, "also write the JSON report to this file");
  command->callback([arguments] {
    if (ranks().leads()) run(*arguments);
  });
}

}  // namespace qfa_program
