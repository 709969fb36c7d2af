// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>

#include "align_run.hpp"
#include "audit_options_cli.hpp"
#include "audit_run.hpp"
#include "commands.hpp"
#include "progress_line.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/survival/confirmed.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

/// Beside the installed program (../share/qfa/demo; vcpkg's tools lie a folder deeper), or in the source tree that the
/// program was built from.
std::filesystem::path demo_directory() {
  std::error_code problem;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (!problem) {
    const std::filesystem::path above = program.parent_path().parent_path();
    for (const std::filesystem::path& prefix : {above, above.parent_path()})
      if (const auto installed = prefix / "share" / "qfa" / "demo"; std::filesystem::exists(installed / "model"))
        return installed;
  }
  const std::filesystem::path built = QFA_DEMO_DIR;
  if (std::filesystem::exists(built / "model")) return built;
  qfa::fail("the demo's files are neither beside the program in ../share/qfa/demo nor in \"" + built.string() + "\"");
}

/// What perplexity did not show: less than 2 % of change while at least 5 % of the features have r of 0.9 or less.  In
/// the words of report.html, and of the same policies; what is "confirmed" is left to the false discovery rate.
void print_story(const qfa::audit_result& result) {
  const std::string sae(qfa::activation_names[static_cast<std::size_t>(result.activation)]);
  bool hidden = false;
  for (const qfa::condition_result& c : result.conditions) {
    if (c.reference || c.ladder_only) continue;
    const qfa::survey& s = c.by(result.headline);
    const qfa::estimate &ratio = c.loss->perplexity_ratio, &survived = s.share(qfa::outcome::survived);
    const double change = 100.0 * (ratio.value - 1.0);
    const double lost = 100.0 * (1.0 - survived.value);
    if (!(std::fabs(change) < 2.0 && lost >= 5.0)) continue;
    if (!hidden) std::cout << "\nWhat perplexity hid:\n";
    hidden = true;
    std::cout << "  " << c.policy << " changes perplexity by " << qfa::signed_fixed(change, 2) << " % "
              << qfa::percent_change_range(ratio.range, "(unmeasured)") << ", and " << qfa::fixed(lost, 1)
              << " % of the counted features (" << s.bands.not_survived() << " of " << s.bands.counted()
              << ") have r of 0.9 or less, " << std::ranges::count(qfa::confirm(s), qfa::census_verdict::confirmed_not)
              << " of them confirmed: " << qfa::fixed(100.0 * survived.value, 1) << " % "
              << qfa::range_text(survived.range, 1, 100.0) << " have r above 0.9 through this " << sae << " SAE.\n";
  }
  if (!hidden)
    std::cout << "\nPerplexity hid nothing here: no condition changed it by less than 2 % while 5 % of the features "
                 "had r of 0.9 or less.\n";
}

void run(const std::string& out) {
  const auto files = demo_directory();
  if (!out.empty() && ranks().leads()) check_output_directory(out);
  audit_arguments arguments;
  arguments.model = (files / "model").string();
  arguments.sae = (files / "sae").string();
  arguments.tokens = (files / "tokens.npy").string();
  for (const char* bits : {"8", "7", "6", "5", "4", "3"})
    arguments.policies.push_back(std::string("rtn:bits=") + bits);
  arguments.match = {"rtn:bits=4"};
  arguments.checkpoint_seconds = -1.0;
  const finished_audit audit = run_on_model(arguments);
  if (!ranks().leads()) return;
  clear_progress_line();
  print_audit(audit);
  print_story(audit.result);
  if (out.empty()) return;
  write_audit(audit, out);
  print_written(out);
}

void run_refuser(const std::string& out) {
  const auto files = demo_directory() / "refuser";
  align_arguments arguments;
  arguments.model = (files / "model").string();
  arguments.prompts = (files / "prompts.json").string();
  arguments.tokens = (files / "tokens.npy").string();
  arguments.prepend_bos = true;
  arguments.settings.group = 16;          // its keys have 64 channels in all
  arguments.settings.mechanism_bits = 4;  // at 3 bits one scale for all of layer 1 makes it refuse nearly everything
  arguments.caches = {"kivi:bits=2,group=16,residual=16", "section4:bits=3;1=none"};
  arguments.out = out;
  run_align(arguments);
}

}  // namespace

void add_demo(CLI::App& app) {
  auto out = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("demo", "audits a small model that comes with qfa, end to end");
  command->add_option("--out", *out,
                      "also write report.json, features.csv, groups.npy and report.html to this directory");
  CLI::App* refuser = command->add_subcommand("align", "diagnoses the KV cache of a small model that refuses");
  refuser->add_option("--out", *out, "also write alignment.json and alignment.html to this directory");
  command->callback([out, refuser] {
    if (refuser->parsed())
      run_refuser(*out);
    else
      run(*out);
  });
}

}  // namespace qfa_program
