// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "audit_options_cli.hpp"
#include "commands.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/report/alignment_page.hpp"
#include "qfa/report/audit_page.hpp"
#include "qfa/report/read_report.hpp"
#include "ranks.hpp"

namespace qfa_program {
void write_page(const std::filesystem::path& directory) {
  const std::filesystem::path audit = directory / "report.json", alignment = directory / "alignment.json";
  if (!qfa::path_exists(audit) && !qfa::path_exists(alignment))
    qfa::fail(qfa::in_quotes(directory) +
              " holds neither report.json nor alignment.json, expected the report of qfa "
              "audit or qfa align");
  if (qfa::path_exists(audit)) {
    const std::filesystem::path table = directory / "features.csv";
    const qfa::file_bytes features(table, qfa::file_access::mapped);
    qfa::atomic_file page(directory / "report.html");
    qfa::write_audit_page(qfa::read_report(audit, "conditions"), features.text(), qfa::in_quotes(table), page.stream());
    page.commit();
  }
  if (qfa::path_exists(alignment)) {
    qfa::atomic_file page(directory / "alignment.html");
    qfa::write_alignment_page(qfa::read_report(alignment, "sweep"), page.stream());
    page.commit();
  }
}

void print_written(const std::string& directory) {
  std::cout << "\nwritten: " << directory << "/report.json, " << directory << "/features.csv, " << directory
            << "/groups.npy, " << directory << "/report.html\n";
}

void add_render(CLI::App& app) {
  auto directory = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("render", "writes the page of a report again, from its other files");
  command->add_option("report", *directory, "the directory that an audit or an alignment was written to")->required();
  command->callback([directory] {
    if (!ranks().leads()) return;
    write_page(*directory);
    for (const char* page : {"report.html", "alignment.html"})
      if (qfa::path_exists(std::filesystem::path(*directory) / page))
        std::cout << "written: " << *directory << "/" << page << "\n";
  });
}

}  // namespace qfa_program
