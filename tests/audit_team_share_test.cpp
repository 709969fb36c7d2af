// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/team_share.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "audit_made_up.hpp"
#include "qfa/audit/activation_audit.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/compress/wanda.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/report/audit_json.hpp"
#include "qfa/report/features_csv.hpp"
#include "scratch.hpp"
#include "thread_team.hpp"

namespace audit_team_share_test {

/// All that an audit writes.
std::string written(const qfa::audit_result& result) {
  std::ostringstream features;
  qfa::write_features_csv(result, features);
  return qfa::to_json(result).dump(1) + features.str();
}

/// What rank 0 writes of an audit that `size` ranks share; `audit(options)` returns its result.
template <class Audit>
std::string by_ranks(std::size_t size, qfa::audit_split split, qfa::audit_options options, Audit audit) {
  std::string out;
  qfa_test::thread_team::run(size, [&](const qfa::team& ranks) {
    qfa::audit_options mine = options;
    mine.share = qfa::share_among(ranks, split);
    const qfa::audit_result result = audit(mine);
    if (ranks.leads()) out = written(result);
  });
  return out;
}

/// Calls check(ranks, split) for these numbers of ranks and both ways to share.
template <class Check>
void on_teams(std::vector<std::size_t> sizes, Check check) {
  for (const qfa::audit_split split : {qfa::audit_split::tokens, qfa::audit_split::policies})
    for (const std::size_t size : sizes) {
      CAPTURE(size);
      CAPTURE(qfa::split_names[static_cast<std::size_t>(split)]);
      check(size, split);
    }
}

/// The tiny model under policies that learn, that are matched both ways, and that came from elsewhere.
qfa::audit_result sweep(const qfa::audit_options& options, std::size_t rows) {
  qfa::audit_settings settings = qfa_test::tiny_settings();
  settings.skip_positions = 1;
  qfa::model_audit audit = qfa_test::tiny_audit(options, settings, rows);
  audit.calibrate_on(qfa_test::random_rows(6, 12, 97, 11), "rows of its own");
  audit.run(qfa::rtn{.bits = 4});
  audit.run(qfa::wanda{.sparsity = 0.4});
  audit.match_pruning_as_published("rtn:bits=4");
  audit.run_model(qfa_test::tiny_model(), "again");
  audit.match_pruning_in_nats(qfa::rtn{.bits = 4}, "rtn:bits=4", qfa_test::random_rows(7, 12, 97, 12), 0.001);
  return audit.result();
}

TEST_CASE("share_among: any number of ranks makes the report of one process, byte for byte") {
  qfa::set_thread_count(1);
  // 45 rows are 11 groups of 4 or 5 rows: no number of ranks divides them.
  const qfa::audit_options options{.paired = true, .token_damage = true, .meaning = true, .loss_batch_rows = 4};
  const std::string alone = written(sweep(options, 45));
  REQUIRE(alone.size() > 10000);
  on_teams({2, 3}, [&](std::size_t size, qfa::audit_split split) {
    CHECK(by_ranks(size, split, options, [](const auto& mine) { return sweep(mine, 45); }) == alone);
  });
}

TEST_CASE("share_among: with more ranks than groups the others idle, and nothing changes") {
  qfa::set_thread_count(1);
  const std::string alone = written(sweep({}, 9));  // two groups
  on_teams({4}, [&](std::size_t size, qfa::audit_split split) {
    CHECK(by_ranks(size, split, {}, [](const auto& mine) { return sweep(mine, 9); }) == alone);
  });
}

TEST_CASE("share_among: dumped activations, too") {
  qfa::set_thread_count(1);
  const qfa_test::scratch folder;
  const std::vector<float> reference = qfa_test::random_activations(45 * 12, 64);
  std::vector<qfa::dumped_activations> files;
  const auto write = [&](const std::string& name, const std::vector<float>& x) {
    qfa::npy_writer<float> file(folder.path() / name, {64});
    file.append(x);
    file.commit();
    return folder.path() / name;
  };
  const auto from = write("reference.npy", reference);
  for (const auto& [name, by] : {std::pair{"a", 0.1f}, std::pair{"b", 0.3f}, std::pair{"c", 0.02f}})
    files.push_back({name, {write(std::string(name) + ".npy", qfa_test::shaken(reference, by))}});
  const qfa::audit_options options{.paired = true};
  const auto audit = [&](const qfa::audit_options& mine) {
    return qfa::audit_activations(qfa_test::lossless_sae(64), {from}, files, qfa_test::tiny_settings(), mine);
  };
  const std::string alone = written(audit(options));
  on_teams({2, 3, 4},
           [&](std::size_t size, qfa::audit_split split) { CHECK(by_ranks(size, split, options, audit) == alone); });
}

TEST_CASE("share_among: where tokens are shared every row is some rank's, in whole groups, as evenly as they allow") {
  for (const std::size_t rows : std::array<std::size_t, 5>{1, 9, 45, 256, 1000})
    for (std::size_t size = 1; size <= 9; ++size) {
      CAPTURE(rows);
      CAPTURE(size);
      const qfa::token_layout whole{.rows = rows, .row_tokens = 8};
      const qfa::row_groups groups(rows);
      std::size_t next = 0, most = 0, least = rows;
      for (std::size_t rank = 0; rank < size; ++rank) {
        const qfa::token_layout mine = qfa::share_of(whole, {.part = rank, .parts = size});
        CHECK(mine.first == next);
        next = mine.last;
        most = (std::max)(most, mine.run_rows());
        least = (std::min)(least, mine.run_rows());
        if (mine.run_rows() == 0) continue;
        CHECK((mine.first == 0 || groups.group_of(mine.first) != groups.group_of(mine.first - 1)));
      }
      CHECK(next == rows);
      // Groups differ by one row, and shares by one group.
      CHECK(most - least <= (groups.groups() + size - 1) / size + rows / groups.groups() + 1);
    }
}

TEST_CASE("share_among: one process alone shares nothing") {
  const qfa::audit_share share = qfa::share_among({});
  CHECK(share.parts == 1);
  CHECK(share.concludes);
  CHECK_FALSE(share.complete);
}

/// Numbers by place, of which ranks have different ones.
struct numbers {
  std::vector<int> values;

  numbers& operator+=(const numbers& other) {
    values.resize((std::max)(values.size(), other.values.size()));
    for (std::size_t i = 0; i < other.values.size(); ++i)
      values[i] += other.values[i];
    return *this;
  }
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.values);
  }
};

TEST_CASE("merge_for_all: every rank ends with the whole, and one process keeps what it has") {
  numbers mine{{7}};
  qfa::merge_for_all({}, mine, "numbers");
  CHECK(mine.values == std::vector<int>{7});
  for (const std::size_t size : {std::size_t{2}, std::size_t{3}}) {
    std::vector<std::vector<int>> got(size);
    qfa_test::thread_team::run(size, [&](const qfa::team& ranks) {
      numbers part;
      part.values.assign(ranks.rank + 1, static_cast<int>(10 * ranks.rank + 1));
      qfa::merge_for_all(ranks, part, "numbers");
      got[ranks.rank] = part.values;
    });
    const std::vector<int> whole = size == 2 ? std::vector<int>{12, 11} : std::vector<int>{33, 32, 21};
    for (const auto& one : got)
      CHECK(one == whole);
  }
}

TEST_CASE("check_same_inputs: a rank that reads other bytes, or other files, is named with them") {
  const std::vector<qfa::input_file> inputs{{"model/config.json", 10, "00000001"}, {"tokens.npy", 20, "00000002"}};
  const auto check = [&](std::size_t odd, auto change) {
    qfa_test::thread_team::run(3, [&](const qfa::team& ranks) {
      std::vector<qfa::input_file> mine = inputs;
      if (ranks.rank == odd) change(mine);
      qfa::check_same_inputs(ranks, mine);
    });
  };
  CHECK_NOTHROW(check(2, [](auto&) {}));
  CHECK_THROWS_WITH(check(2, [](auto& mine) { mine[1].checksum = "00000003"; }),
                    "rank 2 reads another \"tokens.npy\" than rank 0's \"tokens.npy\", expected the same bytes");
  CHECK_THROWS_WITH(check(1, [](auto& mine) { mine[0].bytes = 11; }),
                    "rank 1 reads another \"model/config.json\" than rank 0's \"model/config.json\", expected the same "
                    "bytes");
  CHECK_THROWS_WITH(check(1, [](auto& mine) { mine.pop_back(); }),
                    "rank 1 reads 1 files and rank 0 2: all ranks must read the same ones");
}

}  // namespace audit_team_share_test
