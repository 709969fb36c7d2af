// SPDX-License-Identifier: Apache-2.0
// qfa's side of compare_published.py: one condition, both encodes and the statistics, on files that another program
// reads too (`qfa_made_sae write`).
//   qfa_condition FOLDER THREADS R_FILE SCREEN      (fp32 or screened) then on standard input, again and again,
//     condition     encodes the reference and the compressed activations and fills the statistics
//     sweep         six conditions, the reference encoded once
//     peak          as many multiply-adds as the encodes of a condition have, at the machine's peak
//     write         each feature's r of a condition to R_FILE (.npy), by the published guard
#include "assert_release.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "fma_peak.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/sae/encode.hpp"
#include "qfa/stats/feature_table.hpp"

namespace {

using qfa::matrix_view;

constexpr std::size_t batch = 2048;             // tokens at once
constexpr std::size_t tokens_of_group = 3'120;  // of 199,680 tokens in 64 groups, as published

class condition {
 public:
  condition(const std::filesystem::path& folder, qfa::screen_kind screen)
      : encode_(sae_of(folder), {.screen = screen}),
        reference_(floats(folder / "reference.npy")),
        compressed_(floats(folder / "compressed.npy")) {}

  /// The reference's codes, batch by batch.
  std::vector<qfa::sparse_codes> encode_reference() const {
    std::vector<qfa::sparse_codes> codes;
    for (std::size_t first = 0; first < tokens(); first += batch)
      codes.push_back(encode_(rows(reference_, first)));
    return codes;
  }
  qfa::feature_table compare(const std::vector<qfa::sparse_codes>& reference) const {
    qfa::feature_table table(encode_.width(), 64);
    for (std::size_t first = 0; first < tokens(); first += batch) {
      const qfa::sparse_codes codes = encode_(rows(compressed_, first));
      std::vector<std::uint32_t> groups(codes.tokens());
      for (std::size_t t = 0; t < groups.size(); ++t)
        groups[t] = static_cast<std::uint32_t>((first + t) / tokens_of_group % 64);
      table(reference[first / batch], codes, groups);
    }
    return table;
  }

  void spend_its_flops_at_peak() const {
    const double fmas = 2.0 * static_cast<double>(tokens() * encode_.d_in()) * static_cast<double>(encode_.width());
    const std::size_t parts = 64;  // however many threads there are
    constexpr std::size_t sums = 12;
    const auto steps = static_cast<std::size_t>(fmas / static_cast<double>(parts * sums * qfa::simd::width<>));
    std::vector<float> seen(parts);
    qfa::parallel_for(parts, [&](std::size_t i) {
      seen[i] = qfa_bench::detail::multiply_add<qfa::simd::best_arch>(steps, std::make_index_sequence<sums>{});
    });
    if (!(seen.front() > 0.0f)) throw std::runtime_error("the peak's sums came to nothing");
  }

 private:
  static qfa::sae sae_of(const std::filesystem::path& folder) {
    qfa::sae s;
    s.w_enc = floats(folder / "W_enc.npy");
    s.b_enc = floats(folder / "b_enc.npy");
    s.b_dec = floats(folder / "b_dec.npy");
    s.d_in = s.b_dec.size();
    s.d_sae = s.b_enc.size();
    return s;
  }
  static std::vector<float> floats(const std::filesystem::path& file) { return as_floats(qfa::read_npy(file)); }

  std::size_t tokens() const { return reference_.size() / encode_.d_in(); }
  matrix_view<const float> rows(const std::vector<float>& x, std::size_t first) const {
    return {x.data() + first * encode_.d_in(), std::min(batch, tokens() - first), encode_.d_in()};
  }

  qfa::encoder<> encode_;
  std::vector<float> reference_, compressed_;  // (tokens, d_in)
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string screen = argc == 5 ? argv[4] : "";
    if (screen != "fp32" && screen != "screened")
      throw std::runtime_error("usage: qfa_condition FOLDER THREADS R_FILE fp32|screened");
    qfa::set_thread_count(std::stoul(argv[2]));
    const condition work(argv[1], screen == "fp32" ? qfa::screen_kind::none : qfa::screen_kind::automatic);
    qfa_bench::answer_questions([&](const std::string& word) {
      if (word == "peak") {
        work.spend_its_flops_at_peak();
        return;
      }
      const auto reference = work.encode_reference();
      qfa::feature_table table = work.compare(reference);
      for (int others = word == "sweep" ? 5 : 0; others > 0; --others)
        table = work.compare(reference);
      if (word != "write") return;
      std::vector<double> r(table.width());
      for (std::size_t f = 0; f < r.size(); ++f)
        r[f] = qfa::published_pearson(table.total(f).all);
      qfa::write_npy(argv[3], {r.size()}, r);
    });
  } catch (const std::exception& e) {
    std::fprintf(stderr, "qfa_condition: %s\n", e.what());
    return 1;
  }
}
