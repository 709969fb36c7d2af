// SPDX-License-Identifier: Apache-2.0
// What qfa_ratios drives: an encode's product through OpenBLAS, alone or with a scan for what fires.  A process of its
// own, since OPENBLAS_CORETYPE counts only when the library is loaded.
//   qfa_ratios_openblas D FEATURES TOKENS      then "sgemm" or "scan" on standard input, again and again
#include "assert_release.hpp"

#include <cblas.h>

#include <cstddef>
#include <string>
#include <vector>

#include "child.hpp"
#include "made_sae.hpp"
#include "qfa/sae/codes.hpp"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto number = [&](int i) { return static_cast<std::size_t>(std::stoul(argv[i])); };
  const std::size_t d = number(1), features = number(2), tokens = number(3);
  const qfa_bench::made_sae made(d, features);
  const qfa::sae& s = made.weights();
  const std::vector<float> x = made.inputs(tokens, 3);
  std::vector<float> bias = s.b_enc;  // with b_dec subtracted where it costs nothing
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < features; ++j)
      bias[j] -= s.b_dec[i] * s.w_enc[i * features + j];
  std::vector<float> transposed(d * features);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < features; ++j)
      transposed[j * d + i] = s.w_enc[i * features + j];

  std::vector<float> z(tokens * features);
  const auto n = [](std::size_t count) { return static_cast<blasint>(count); };
  const auto sgemm = [&](bool as_stored) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, as_stored ? CblasNoTrans : CblasTrans, n(tokens), n(features), n(d), 1.0f,
                x.data(), n(d), as_stored ? s.w_enc.data() : transposed.data(), n(as_stored ? features : d), 0.0f,
                z.data(), n(features));
  };
  // Its best: whichever layout of the weights it does faster, the better of two runs.
  double best[2] = {1e9, 1e9};
  for (int run = 0; run < 4; ++run)
    best[run % 2] = std::min(best[run % 2], qfa_bench::time_of([&] { sgemm(run % 2 == 0); }).processor);
  const bool as_stored = best[0] <= best[1];

  qfa_bench::answer_questions([&](const std::string& word) {
    sgemm(as_stored);
    if (word != "scan") return;
    qfa::sparse_codes codes(features);
    for (std::size_t t = 0; t < tokens; ++t) {
      const float* const row = z.data() + t * features;
      for (std::size_t j = 0; j < features; ++j)
        if (row[j] + bias[j] > 0.0f) codes.push(static_cast<std::uint32_t>(j), row[j] + bias[j]);
      codes.end_token();
    }
    if (codes.firings() == 0) std::exit(1);
  });
}
