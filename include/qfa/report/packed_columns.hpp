// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_PACKED_COLUMNS_HPP
#define QFA_REPORT_PACKED_COLUMNS_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "qfa/io/base64.hpp"
#include "qfa/report/feature_columns.hpp"
#include "qfa/report/report_json.hpp"

namespace qfa {

/// A column as pages carry it: {"name", "as", "data"}, and "words" where it has some.  `data` is base64 of
///
///   "share"   16 bits, a signed number of ten-thousandths; -32768: none
///   "number"  32 bits, a float; NaN: none
///   "count"   32 bits, a whole number; 2^32 - 1: none
///   "word"    8 bits, a place in "words"; 255: none
///
/// lowest byte first.  So 100,000 features of five policies come to some 20 MB, where features.csv takes 300.
inline report_json packed(const feature_column& column) {
  std::vector<std::uint8_t> bytes;
  const auto put = [&](std::uint32_t bits, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      bytes.push_back(static_cast<std::uint8_t>(bits >> (8U * i)));
  };
  for (const double x : column.cells) {
    switch (column.kind) {
      case column_kind::share: {
        const double steps = (std::clamp)(std::round(10000.0 * x), -32767.0, 32767.0);
        put(std::isnan(x) ? 0x8000U : static_cast<std::uint32_t>(static_cast<std::int32_t>(steps)), 2);
        break;
      }
      case column_kind::number:
        put(std::bit_cast<std::uint32_t>(static_cast<float>(x)), 4);
        break;
      case column_kind::count:
        put(x >= 0.0 && x < 4294967295.0 ? static_cast<std::uint32_t>(x) : ~std::uint32_t{0}, 4);
        break;
      case column_kind::word:
        put(std::isnan(x) ? 255U : static_cast<std::uint32_t>(x), 1);
        break;
    }
  }
  constexpr std::array<const char*, 4> names{"share", "number", "count", "word"};
  report_json out{{"name", column.name}};
  out["as"] = names.at(static_cast<std::size_t>(column.kind));
  out["data"] = base64(bytes);
  if (column.kind == column_kind::word) out["words"] = column.words;
  return out;
}

/// A whole table as pages carry it: {"features", "conditions": [{"policy", "columns": [...]}]}, the reference first.
inline report_json packed(const feature_columns& table) {
  report_json conditions = report_json::array();
  for (const condition_features& c : table.conditions) {
    report_json columns = report_json::array();
    for (const feature_column& column : c.columns)
      columns.push_back(packed(column));
    conditions.push_back({{"policy", c.policy}, {"columns", std::move(columns)}});
  }
  return {{"features", table.features}, {"conditions", std::move(conditions)}};
}

}  // namespace qfa

#endif
