// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_READ_GROUP_SHIFTS_HPP
#define QFA_AUDIT_READ_GROUP_SHIFTS_HPP

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/npy.hpp"

namespace qfa {

/// What each group of rows does to every feature's r, r without the group less r of all, as an audit's groups.npy holds
/// it (report/group_shifts.hpp).
struct group_shifts {
  std::size_t groups = 0;  ///< 0: there is no file, or nothing in it
  std::size_t features = 0;
  std::vector<float> values{};  ///< (conditions but the reference, groups, features); NaN where r is undefined

  /// Those of one condition, (groups, features).  Throws where there is none of that number.
  std::span<const float> of(std::size_t condition) const {
    require((condition + 1) * groups * features <= values.size(),
            "shifts of groups were asked of a condition that is not there");
    return std::span(values).subspan(condition * groups * features, groups * features);
  }
};

/// Why a number over features has no interval where `group_shifts` are empty.
inline constexpr std::string_view without_group_shifts = "no groups.npy beside the report";

/// Reads the groups.npy of an audit of so many conditions but the reference; empty where there is no such file.
/// Throws, naming it, where it is of another number of conditions or of other numbers than float32.
inline group_shifts read_group_shifts(const std::filesystem::path& path, std::size_t conditions) {
  if (!path_exists(path)) return {};
  const npy_array all = read_npy(path);
  if (all.shape.size() == 3 && all.size() == 0) return {};
  if (all.shape.size() != 3 || all.type != dtype::f32 || all.shape[0] != conditions)
    fail(in_quotes(path) + " is not of the conditions in features.csv beside it, expected " +
         std::to_string(conditions) + " x groups x features of float32");
  return {all.shape[1], all.shape[2], as_floats(all)};
}

}  // namespace qfa

#endif
