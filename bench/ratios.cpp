// SPDX-License-Identifier: Apache-2.0
// Every speed that qfa promises, as a ratio within one run: what it reaches of the machine's measured peak of fused
// multiply-adds, and of what one would use instead.  bench/run.sh builds and runs it.
//   qfa_ratios [--rounds 11] [--shape D,FEATURES]... [--tokens 384] [--core SKYLAKEX] [--massive] [--processor-time]
//              [--markdown]
//
// Contestants run in turn on the same inputs, and each ratio is the median over rounds of the ratios within a round
// (in brackets, the middle half).  --processor-time counts the seconds that one thread was given, not those on the
// wall: for a machine that others use as well.  --massive makes inputs with a dimension as large as gemma-3-1b's.
#include "assert_release.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "fma_peak.hpp"
#include "made_model.hpp"
#include "made_sae.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/encode.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/stats/feature_table.hpp"
#include "race.hpp"

namespace {

using namespace qfa_bench;
using qfa::matrix_view;

struct options {
  std::size_t rounds = 11, tokens = 384;
  std::vector<std::pair<std::size_t, std::size_t>> shapes;
  std::string core = "SKYLAKEX";  ///< OPENBLAS_CORETYPE of the tuned child
  bool processor_time = false, massive = false, markdown = false;

  double seconds(const duration& d) const { return processor_time ? d.processor : d.wall; }
};

/// Keeps a result from being optimized away.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

/// Everything that is timed at one shape.
class contest {
 public:
  contest(const options& o, std::size_t d, std::size_t features, const std::filesystem::path& folder)
      : options_(o), flops_(2.0 * static_cast<double>(o.tokens * d) * static_cast<double>(features)) {
    const std::filesystem::path blas = folder / "qfa_ratios_openblas";
    if (std::filesystem::exists(blas)) {
      const std::vector<std::string> command{blas.string(), std::to_string(d), std::to_string(features),
                                             std::to_string(o.tokens)};
      tuned_ = std::make_unique<child>(command, environment(o.core));
      untuned_ = std::make_unique<child>(command, environment(""));
    }
    const made_sae made(d, features, {.massive = o.massive});
    reference_ = made.inputs(o.tokens, 3);
    compressed_ = made.compressed(reference_, 0.1, 4);
    sae_ = made.weights();
  }

  /// One thread, then two; and lets go of what that needed.
  void run() {
    qfa::set_thread_count(1);
    qfa::sae with_top_k = sae_;
    with_top_k.activation = qfa::activation_kind::top_k;
    const qfa::encode_options fp32{.screen = qfa::screen_kind::none};
    const qfa::encoder<> encode(sae_, fp32), encode_top_k(with_top_k, fp32);
    const qfa::encoder<> screened(sae_), screened_top_k(with_top_k);

    alone_.add([&](race::record& r) { r["peak"] = fma_peak_flops(); });
    add_encoder("encode", encode);
    add_encoder("screened", screened);
    add_encoder("top_k", encode_top_k);
    add_encoder("screened top_k", screened_top_k);
    add_condition("", encode);
    add_condition("screened ", screened);
    for (const auto& [name, blas] : {std::pair{"tuned", tuned_.get()}, std::pair{"untuned", untuned_.get()}}) {
      if (blas == nullptr) continue;
      for (const char* word : {"sgemm", "scan"})
        alone_.add([this, key = std::string(name) + " " + word, word, blas = blas](race::record& r) {
          r[key] = flops_ / options_.seconds(blas->ask(word));
        });
    }
    alone_.run(options_.rounds);

    for (const std::size_t threads : {std::size_t{1}, std::size_t{2}})
      together_.add([this, threads, &encode](race::record& r) {
        qfa::set_thread_count(threads);
        r[threads == 1 ? "one" : "two"] = flops_ / time_of([&] { keep(encode(view(reference_))); }).wall;
      });
    if (std::filesystem::exists("/sys/devices/system/cpu/cpu1")) together_.run(options_.rounds);
    qfa::set_thread_count(1);
    const qfa::sparse_codes codes = encode(view(reference_));
    l0_ = static_cast<double>(codes.firings()) / static_cast<double>(codes.tokens());
    counts_ = screened.screened();
    tuned_.reset();
    untuned_.reset();
    sae_ = {};
  }

  double l0() const noexcept { return l0_; }
  const qfa::screen_counts& counts() const noexcept { return counts_; }
  const race& alone() const noexcept { return alone_; }
  const race& together() const noexcept { return together_; }

 private:
  static std::vector<std::pair<std::string, std::string>> environment(const std::string& core) {
    return {{"OPENBLAS_CORETYPE", core}, {"OPENBLAS_NUM_THREADS", "1"}, {"OMP_NUM_THREADS", "1"}};
  }
  matrix_view<const float> view(const std::vector<float>& x) const {
    return {x.data(), options_.tokens, x.size() / options_.tokens};
  }

  template <class Encoder>
  void add_encoder(const char* name, const Encoder& encode) {
    alone_.add([this, name, &encode](race::record& r) {
      r[name] = flops_ / options_.seconds(time_of([&] { keep(encode(view(reference_))); }));
    });
  }

  /// Both encodes and the statistics, into a table that fills as an audit's does: eight batches a group.
  template <class Encoder>
  void add_condition(const std::string& name, const Encoder& encode) {
    const auto table = std::make_shared<qfa::feature_table>(sae_.d_sae, 64);
    alone_.add([this, name, &encode, table, runs = std::size_t{0}](race::record& r) mutable {
      const std::vector<std::uint32_t> groups(options_.tokens, static_cast<std::uint32_t>(runs++ / 8 % 64));
      qfa::sparse_codes reference, compressed;
      const double encodes = options_.seconds(time_of([&] {
        reference = encode(view(reference_));
        compressed = encode(view(compressed_));
      }));
      const double statistics = options_.seconds(time_of([&] { (*table)(reference, compressed, groups); }));
      r[name + "condition"] = 2.0 * flops_ / (encodes + statistics);
      r[name + "statistics"] = statistics;
      r[name + "one encode"] = encodes / 2.0;
    });
  }

  const options& options_;
  double flops_;
  double l0_ = 0.0;
  qfa::screen_counts counts_;
  std::unique_ptr<child> tuned_, untuned_;
  std::vector<float> reference_, compressed_;
  qfa::sae sae_;
  race alone_, together_;
};

/// A row of the table by shape: over / under, both in flop/s or both in seconds.
struct row {
  const char* what;
  const char* over;
  const char* under;
  const char* target;
  const char* format = "%.2f";
};

constexpr std::array rows_alone{
    row{"fp32 encode / peak", "encode", "peak", ">= 0.90"},
    row{"fp32 encode and statistics / peak", "condition", "peak", ">= 0.90"},
    row{"... / OpenBLAS sgemm alone, tuned", "condition", "tuned sgemm", ">= 1.0"},
    row{"... / OpenBLAS sgemm and scan, tuned", "condition", "tuned scan", ""},
    row{"... / OpenBLAS sgemm alone, as it comes", "condition", "untuned sgemm", ""},
    row{"... / OpenBLAS sgemm and scan, as it comes", "condition", "untuned scan", ""},
    row{"statistics / one fp32 encode (time)", "statistics", "one encode", "<= 0.03", "%.3f"},
    row{"screened encode / fp32 encode", "screened", "encode", ">= 1.5"},
    row{"screened encode and statistics / peak", "screened condition", "peak", ""},
    row{"... / OpenBLAS sgemm alone, tuned", "screened condition", "tuned sgemm", ""},
    row{"statistics / one screened encode (time)", "screened statistics", "screened one encode", "", "%.3f"},
    row{"top_k fp32 encode / relu's", "top_k", "encode", ""},
    row{"top_k screened encode / fp32", "screened top_k", "top_k", ""},
};

void print_by_shape(const options& o, const std::vector<std::unique_ptr<contest>>& contests) {
  std::vector<std::string> headings{"one thread, (d, features)"};
  for (const auto& [d, features] : o.shapes)
    headings.push_back("(" + std::to_string(d) + ", " + std::to_string(features) + ")");
  headings.push_back("target");
  table out(headings, o.markdown);

  const auto add = [&](const std::string& what, const std::string& target, auto cell) {
    std::vector<std::string> cells{what};
    for (const auto& c : contests)
      cells.push_back(cell(*c));
    cells.push_back(target);
    out.add(cells);
  };
  add("L0", "", [](const contest& c) { return text_of(c.l0(), "%.0f"); });
  add("measured FMA peak, GFLOP/s", "",
      [](const contest& c) { return text_of(c.alone().of("peak").median / 1e9, "%.0f"); });
  add("fp32 encode, GFLOP/s", "",
      [](const contest& c) { return text_of(c.alone().of("encode").median / 1e9, "%.0f"); });
  for (const row& r : rows_alone)
    add(r.what, r.target, [&](const contest& c) {
      if (!c.alone().has(r.over) || !c.alone().has(r.under)) return std::string("-");
      return text_of(c.alone().ratio(r.over, r.under), r.format);
    });
  add("products that the screen leaves undecided, %", "", [](const contest& c) {
    return text_of(100.0 * static_cast<double>(c.counts().undecided) / static_cast<double>(c.counts().products),
                   "%.2f");
  });
  add("two threads / one, fp32", ">= 1.8", [](const contest& c) {
    return c.together().has("two") ? text_of(c.together().ratio("two", "one"), "%.2f") : "-";
  });
  out.print();
}

/// A forward to the final hidden states on one thread.
void print_forward(const options& o) {
  const made_model made(llama_config(1024, 64, 8, 2816, 512), 2, 512);
  const qfa::decoder<> model(made.model());
  qfa::forward_scratch scratch;
  race all;
  all.add([&](race::record& r) { r["peak"] = fma_peak_flops(); });
  all.add([&](race::record& r) {
    const auto pass = [&] { keep(model.forward(made.tokens(), {.final_hidden = true}, qfa::no_visitor{}, scratch)); };
    r["forward"] = made.flops() / o.seconds(time_of(pass));
  });
  all.run((o.rounds + 1) / 2);
  table out({"forward, " + text_of(made.weights() / 1e6, "%.0f") + "M weights, " +
                 std::to_string(made.tokens().rows()) + " x " + std::to_string(made.tokens().columns()) + " tokens",
             "share of peak", "target"},
            o.markdown);
  out.add({"one thread", text_of(all.ratio("forward", "peak"), "%.2f"), ">= 0.80"});
  out.print();
}

/// Each kernel of simd/kernels.hpp against its scalar twin on 4,096 floats, which the first-level cache holds.
void print_kernels(const options& o) {
  constexpr std::size_t count = 4096, repeats = 500;
  std::vector<float> xs(count), ys(count);
  for (std::size_t i = 0; i < count; ++i) {
    xs[i] = 0.25f * static_cast<float>(i % 7) - 0.5f;
    ys[i] = 0.125f * static_cast<float>(i % 5);
  }
  namespace simd = qfa::simd;
  race all;
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, auto kernel, auto twin) {
    names.push_back(name);
    const auto timed = [&o](auto f) {
      return o.seconds(time_of([&] {
        for (std::size_t r = 0; r < repeats; ++r)
          f();
      }));
    };
    all.add([=](race::record& r) {
      r[name] = timed(kernel);
      r["ref::" + name] = timed(twin);
    });
  };
  const std::span<const float> a(xs), b(ys);
  add(
      "dot", [=] { keep(simd::dot<>(a, b)); }, [=] { keep(simd::ref::dot(a, b)); });
  add(
      "sum", [=] { keep(simd::sum<>(a)); }, [=] { keep(simd::ref::sum(a)); });
  add(
      "sum_of_squares", [=] { keep(simd::sum_of_squares<>(a)); }, [=] { keep(simd::ref::sum_of_squares(a)); });
  add(
      "absmax", [=] { keep(simd::absmax<>(a)); }, [=] { keep(simd::ref::absmax(a)); });
  add(
      "max", [=] { keep((simd::max<>)(a)); }, [=] { keep((simd::ref::max)(a)); });
  add(
      "all_finite", [=] { keep(simd::all_finite<>(a)); }, [=] { keep(simd::ref::all_finite(a)); });
  std::vector<float> sink(count);
  const std::span<float> to(sink);
  add(
      "axpy", [=] { simd::axpy<>(1e-6f, a, to), keep(to[0]); }, [=] { simd::ref::axpy(1e-6f, a, to), keep(to[0]); });
  all.run(o.rounds);
  table out({"kernel, 4,096 floats", "times its scalar twin"}, o.markdown);
  for (const std::string& name : names)
    out.add({name, text_of(all.ratio("ref::" + name, name), "%.1f")});
  out.print();
}

std::string first_match(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return line.substr(line.find(':') + 2);
  return "unknown";
}

void print_machine(const options& o) {
  char date[32] = "";
  const std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof date, "%Y-%m-%d", std::localtime(&now));
  std::string load;
  std::getline(std::ifstream("/proc/loadavg"), load, ' ');
  std::printf(
      "%s, %u processors, %s; load %s at the start\n%s, %s; median of %zu rounds, %s time, %zu tokens at once\n\n",
      first_match("/proc/cpuinfo", "model name").c_str(), static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)), date,
      load.c_str(),
#ifdef __clang__
      "clang " __clang_version__,
#else
      "g++ " __VERSION__,
#endif
      QFA_BENCH_FLAGS, o.rounds, o.processor_time ? "processor" : "wall", o.tokens);
}

options parse(const std::vector<std::string>& words) {
  options o;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto value = [&] {
      return i + 1 < words.size() ? words[++i] : throw std::runtime_error(words[i] + " needs a value");
    };
    if (words[i] == "--rounds") {
      o.rounds = std::stoul(value());
    } else if (words[i] == "--tokens") {
      o.tokens = std::stoul(value());
    } else if (words[i] == "--core") {
      o.core = value();
    } else if (words[i] == "--markdown") {
      o.markdown = true;
    } else if (words[i] == "--massive") {
      o.massive = true;
    } else if (words[i] == "--processor-time") {
      o.processor_time = true;
    } else if (words[i] == "--shape") {
      std::size_t d = 0, features = 0;
      if (std::sscanf(value().c_str(), "%zu,%zu", &d, &features) != 2)
        throw std::runtime_error("--shape needs D,FEATURES");
      o.shapes.emplace_back(d, features);
    } else {
      throw std::runtime_error("unknown option " + words[i]);
    }
  }
  if (o.shapes.empty()) o.shapes = {{768, 16384}, {2304, 16384}, {512, 32768}};
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const options o = parse({argv + 1, argv + argc});
    const std::filesystem::path folder = std::filesystem::canonical("/proc/self/exe").parent_path();
    print_machine(o);
    std::vector<std::unique_ptr<contest>> contests;
    for (const auto& [d, features] : o.shapes) {
      contests.push_back(std::make_unique<contest>(o, d, features, folder));
      contests.back()->run();
    }
    print_by_shape(o, contests);
    print_forward(o);
    print_kernels(o);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "qfa_ratios: %s\n", e.what());
    return 1;
  }
}
