// SPDX-License-Identifier: Apache-2.0
// The program `qfa`: what compressing a language model does to the features inside it.
#include <csignal>
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include <unistd.h>

#include "commands.hpp"
#include "progress_line.hpp"
#include "qfa/core/error.hpp"
#include "qfa/version.hpp"
#include "ranks.hpp"

namespace {

/// A mapped file that somebody cut short while it was read cannot be read where it no longer is.
extern "C" void end_at_missing_page(int) {
  constexpr char sentence[] = "qfa: a file that is being read was cut short, or its disk fails; nothing is written\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, sentence, sizeof sentence - 1);
  ::_exit(2);
}

/// What was printed has arrived, or this throws: a full disk behind standard output is not noticed earlier.
void check_standard_output() {
  if (qfa_program::ranks().leads() && !std::cout.flush())
    qfa::fail("standard output cannot be written to its end, such as on a full disk; files named by --out are whole");
}

}  // namespace

int main(int argc, char** argv) {
  qfa_program::rank_session session;
  std::signal(SIGBUS, end_at_missing_page);
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond `ulimit -f` is then a write that fails, and ends in a sentence
  // Wrong input ends in one sentence and status 2, whoever found it.
  const auto refuse = [&](const std::string& sentence) {
    const std::string said = session.give_up(sentence);
    qfa_program::clear_progress_line();
    if (qfa_program::ranks().leads()) std::cerr << "qfa: " << said << '\n';
    return 2;
  };
  CLI::App app{"qfa tells what compressing a language model does to the features inside it."};
  app.set_version_flag("--version", std::string("qfa ") + qfa::version);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  qfa_program::add_demo(app);
  qfa_program::add_audit(app);
  qfa_program::add_compare(app);
  qfa_program::add_render(app);
  qfa_program::add_locate(app);
  qfa_program::add_align(app);
  qfa_program::add_activations(app);
  qfa_program::add_tokens(app);
  qfa_program::add_compress(app);
  qfa_program::add_allocate(app);
  qfa_program::add_law(app);
  qfa_program::add_predict(app);
  qfa_program::add_list(app);
  try {
    qfa_program::check_launch();
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
      if (wrong.get_exit_code() != 0) throw;
      app.exit(wrong);  // --help and --version
    }
    check_standard_output();
    session.finish();
  } catch (const qfa_program::interruption& asked) {
    refuse(asked.what());
    return 130;  // as shells have it for SIGINT
  } catch (const std::bad_alloc&) {
    return refuse("the machine has not enough memory for this model, SAE and number of features");
  } catch (const std::exception& wrong) {
    return refuse(wrong.what());
  }
  return 0;
}
