// SPDX-License-Identifier: Apache-2.0
// peak_memory FILE LIMIT PROGRAM ARGUMENT...: runs a program and writes its peaks of memory, in kB, to FILE: RssAnon,
// VmHWM, VmPeak.  LIMIT bounds its address space, in kB as `ulimit -v` does; 0 does not.  Linux.  Exits as the program
// does.
//
// RssAnon is what the kernel keeps no peak of: it is looked at every millisecond, and the program is a little less
// urgent than that.  VmHWM is the kernel's own, from the program's end.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>

#include "qfa/core/error.hpp"

namespace {

struct peaks {
  long rss_anon = 0, vm_peak = 0;

  /// Looks at a running program; false once it has ended.
  bool look(pid_t program) {
    std::ifstream status("/proc/" + std::to_string(program) + "/status");
    bool alive = false;
    for (std::string line; std::getline(status, line);) {
      const auto number = [&] { return std::stol(line.substr(line.find(':') + 1)); };
      if (line.starts_with("VmPeak:")) vm_peak = std::max(vm_peak, number());
      if (!line.starts_with("RssAnon:")) continue;
      rss_anon = std::max(rss_anon, number());
      alive = true;
    }
    return alive;
  }
};

[[noreturn]] void become(rlim_t limit, char** command) {
  const rlimit most{limit, limit};
  if (limit > 0 && ::setrlimit(RLIMIT_AS, &most) != 0) ::_exit(126);
  if (::setpriority(PRIO_PROCESS, 0, 5) != 0) ::_exit(126);
  ::execvp(command[0], command);
  ::_exit(127);
}

int run(int argc, char** argv) {
  qfa::require(argc >= 4, "usage: peak_memory FILE LIMIT PROGRAM ARGUMENT...");
  const rlim_t limit = std::stoull(argv[2]) * 1024;
  const pid_t program = ::fork();
  qfa::require(program >= 0, "cannot start a program");
  if (program == 0) become(limit, argv + 3);

  peaks seen;
  rusage used{};
  int status = 0;
  while (::wait4(program, &status, WNOHANG, &used) == 0) {
    seen.look(program);
    ::usleep(1000);
  }
  qfa::require(seen.rss_anon > 0, "/proc does not tell what a program takes of memory");
  std::ofstream(argv[1]) << seen.rss_anon << ' ' << used.ru_maxrss << ' ' << seen.vm_peak << '\n';
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& wrong) {
    std::cerr << wrong.what() << '\n';
    return 125;
  }
}
