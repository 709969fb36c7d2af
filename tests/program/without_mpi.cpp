// SPDX-License-Identifier: Apache-2.0
// Of the program without MPI no more than who starts it: examples/qfa/ranks.cpp as it is there, and main.cpp's order.
#include <exception>
#include <iostream>

#include "ranks.hpp"

int main() {
  qfa_program::rank_session session;
  try {
    qfa_program::check_launch();
    session.finish();
  } catch (const std::exception& wrong) {
    std::cerr << "qfa: " << session.give_up(wrong.what()) << '\n';
    return 2;
  }
  std::cout << "alone\n";
  return 0;
}
