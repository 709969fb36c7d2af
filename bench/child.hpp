// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BENCH_CHILD_HPP
#define QFA_BENCH_CHILD_HPP

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race.hpp"

namespace qfa_bench {

/// A contestant in a process of its own, since OpenBLAS chooses its kernels when it is loaded: told a word, it does
/// that once and answers with its wall and processor seconds, "0.12 0.11".
class child {
 public:
  /// Starts `command` with `environment` (NAME, value; an empty value unsets) and does not wait for it to be ready.
  child(const std::vector<std::string>& command, const std::vector<std::pair<std::string, std::string>>& environment) {
    int to[2], from[2];
    // Closed in every child: one that held another's ends open would keep it alive.
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe to a child process");
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("no child process");
    if (process_ == 0) {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
      for (const auto& [name, value] : environment)
        value.empty() ? unsetenv(name.c_str()) : setenv(name.c_str(), value.c_str(), 1);
      std::vector<char*> words;
      for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      execv(words[0], words.data());
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    in_ = fdopen(to[1], "w");
    out_ = fdopen(from[0], "r");
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  /// Closing its input ends it.
  ~child() {
    std::fclose(in_);
    std::fclose(out_);
    waitpid(process_, nullptr, 0);
  }

  duration ask(const std::string& word) {
    duration answer;
    std::fprintf(in_, "%s\n", word.c_str());
    std::fflush(in_);
    if (std::fscanf(out_, "%lf %lf", &answer.wall, &answer.processor) != 2)
      throw std::runtime_error("a child process of the benchmark ended before it answered");
    return answer;
  }

 private:
  pid_t process_ = -1;
  std::FILE* in_ = nullptr;
  std::FILE* out_ = nullptr;
};

/// The child's side: does `what(word)` for every line it is given, until there are no more.
template <class F>
void answer_questions(F what) {
  char word[64];
  while (std::scanf("%63s", word) == 1) {
    const duration took = time_of([&] { what(std::string(word)); });
    std::printf("%.9f %.9f\n", took.wall, took.processor);
    std::fflush(stdout);
  }
}

}  // namespace qfa_bench

#endif
