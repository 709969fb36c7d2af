// SPDX-License-Identifier: Apache-2.0
#include "progress_line.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "ranks.hpp"

namespace qfa_program {
namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);
}

bool on_terminal() { return ranks().leads() && isatty(STDERR_FILENO) == 1; }

using steady = std::chrono::steady_clock;

/// The estimate belongs to one stage: it starts anew when the stage's name changes.
struct line {
  std::string stage;
  steady::time_point began;
  steady::time_point drawn;
  bool seen = on_terminal();

  void operator()(std::string_view name, std::size_t done, std::size_t total) {
    if (interrupted != 0) throw interruption("interrupted, nothing is written");
    if (!seen) return;
    const auto now = steady::now();
    if (stage != name) {
      stage = name;
      began = now;
    } else if (done < total && now - drawn < std::chrono::milliseconds(100)) {
      return;
    }
    drawn = now;
    std::string text = stage;
    if (total > 0) {
      text +=
          "  " + std::to_string(done) + "/" + std::to_string(total) + "  " + std::to_string(100 * done / total) + " %";
      const double elapsed = std::chrono::duration<double>(now - began).count();
      if (done > 0 && elapsed > 0.5) {
        const auto left = static_cast<long>(elapsed * static_cast<double>(total - done) / static_cast<double>(done));
        text +=
            "  " + std::to_string(left / 60) + ":" + (left % 60 < 10 ? "0" : "") + std::to_string(left % 60) + " left";
      }
    }
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    std::fflush(stderr);
  }
};

}  // namespace

qfa::progress progress_line() {
  std::signal(SIGINT, note_interrupt);
  return line{};
}

void clear_progress_line() {
  if (!on_terminal()) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

}  // namespace qfa_program
