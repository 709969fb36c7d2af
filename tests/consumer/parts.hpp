// SPDX-License-Identifier: Apache-2.0
// The headers of each optional part that a project asked for, and its name where it works.
#ifndef QFA_TESTS_CONSUMER_PARTS_HPP
#define QFA_TESTS_CONSUMER_PARTS_HPP

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

inline void print_parts() {
#ifdef QFA_HAS_NPZ
  std::printf("npz\n");
#endif
#ifdef QFA_HAS_KMEANS
  std::printf("kmeans\n");
#endif
#ifdef QFA_HAS_TEXT
  if (qfa::normalized("e\u0301", qfa::unicode_form::nfc) == "\u00e9") std::printf("text\n");
#endif
#ifdef QFA_HAS_SENTENCEPIECE
  std::printf("sentencepiece\n");
#endif
#ifdef QFA_HAS_MPI
  std::printf("mpi\n");
#endif
}

#endif
