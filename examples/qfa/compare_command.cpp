// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "audit_options_cli.hpp"
#include "commands.hpp"
#include "output_paths.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/report/comparison_page.hpp"
#include "qfa/report/comparison_text.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

struct compare_arguments {
  std::string a, b, out, protocol = "honest", format = "text";
};

void run(const compare_arguments& arguments) {
  if (!ranks().leads()) return;
  if (arguments.protocol != "honest" && arguments.protocol != "published")
    qfa::fail("--protocol takes honest or published, not \"" + arguments.protocol + "\"");
  if (!arguments.out.empty()) check_output_file(arguments.out);
  const auto form = format_of(arguments.format);
  const qfa::audit_folder a = qfa::read_audit_folder(arguments.a), b = qfa::read_audit_folder(arguments.b);
  try {
    std::cout << qfa::comparison_text(a, b, arguments.protocol, form);
    if (arguments.out.empty()) return;
    qfa::atomic_file page(arguments.out);
    qfa::write_comparison_page(a, b, page.stream());
    page.commit();
  } catch (const qfa::json::exception&) {
    qfa::fail("report.json of " + qfa::in_quotes(arguments.a) + " or " + qfa::in_quotes(arguments.b) +
              " lacks what is compared, expected reports of this version of qfa");
  }
  std::cout << "\nwritten: " << arguments.out << "\n";
}

}  // namespace

void add_compare(CLI::App& app) {
  auto arguments = std::make_shared<compare_arguments>();
  CLI::App* command = app.add_subcommand("compare", "two audits through the same SAE, side by side");
  command->add_option("a", arguments->a, "the directory of one audit")->required();
  command->add_option("b", arguments->b, "the directory of another")->required();
  command->add_option("--protocol", arguments->protocol, "whose numbers are printed, honest or published");
  command->add_option("--format", arguments->format, "what is printed: text, or tables in Markdown (md)");
  command->add_option("--out", arguments->out, "also write a page of both, an .html file");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace qfa_program
