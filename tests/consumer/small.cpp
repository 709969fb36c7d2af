// SPDX-License-Identifier: Apache-2.0
// A policy on a matrix: few of qfa's headers, so that a project of one's own is built in a moment; and the headers of
// each optional part that the project asked for.
#include <qfa/compress/rtn.hpp>
#include <qfa/core/matrix_view.hpp>
#include <qfa/version.hpp>

#ifdef QFA_HAS_NPZ
#include <qfa/io/npz.hpp>
#endif

#ifdef QFA_HAS_KMEANS
#include <qfa/cache/kmeans.hpp>
#endif

#ifdef QFA_HAS_TEXT
#include <qfa/text/unicode.hpp>
#endif

#ifdef QFA_HAS_SENTENCEPIECE
#include <qfa/text/sentencepiece.hpp>
#endif

#ifdef QFA_HAS_MPI
#include <qfa/mpi/communicator.hpp>
#endif

#include <cstdio>
#include <vector>

int main() {
  std::vector<float> numbers{1.0f, -2.0f, 7.0f, 0.4f, 0.5f, 3.0f};
  const qfa::matrix_view<float> m(numbers.data(), 2, 3);
  qfa::rtn{.bits = 4}(m);
  std::printf("qfa %s\n", qfa::version);
#ifdef QFA_HAS_NPZ
  std::printf("npz\n");
#endif
#ifdef QFA_HAS_KMEANS
  std::printf("kmeans\n");
#endif
#ifdef QFA_HAS_TEXT
  if (qfa::normalized("e\u0301", qfa::unicode_form::nfc) != "\u00e9") return 1;
  std::printf("text\n");
#endif
#ifdef QFA_HAS_MPI
  std::printf("mpi\n");
#endif
  // Seven steps: the first row's integers stay as they are, and two weights of the second become one.
  return m(0, 1) == -2.0f && m(0, 2) == 7.0f && m(1, 0) == m(1, 1) ? 0 : 1;
}
