// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_CHAIN_HPP
#define QFA_CACHE_CHAIN_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// One cache policy after another on the same cache, each with a memory of its own.
///
/// At each call a part sees what the part before it left; of tokens that arrived earlier it sees what all parts have
/// left.  Where each part has a side, or channels, to itself, that is what it would see alone.  Calibration tokens
/// reach every part as they are.
class cache_chain {
 public:
  /// Throws where there are no parts, or where they do not work on the same keys, or do not agree on what attention
  /// reads.  A part that is the policy "none" agrees with all.
  explicit cache_chain(std::vector<any_cache_policy> parts) : parts_(std::move(parts)) {
    require(!parts_.empty(), "a chain of cache policies needs at least one");
    const any_cache_policy* first = nullptr;
    for (const any_cache_policy& part : parts_) {
      if (part.is_none()) continue;
      if (first == nullptr) first = &part;
      if (part.point() != first->point())
        fail("cache policies work one after another on the same keys only, but " + first->name() + " works " +
             value_to_text(first->point()) + " and " + part.name() + " " + value_to_text(part.point()));
      if (part.reads() != first->reads())
        fail("cache policies work one after another only where attention reads the same, but with " + first->name() +
             " it reads what " + said_of(first->reads()) + " and with " + part.name() + " what " +
             said_of(part.reads()));
    }
    if (first == nullptr) first = &parts_.front();
    point = first->point();
    reads = first->reads();
  }

  cache_point point{};
  attention_reads reads{};

  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) {
    for (any_cache_policy& part : parts_)
      part(keys, values, update);
  }

  bool learns() const {
    for (const any_cache_policy& part : parts_)
      if (part.learns()) return true;
    return false;
  }
  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    for (any_cache_policy& part : parts_)
      part.learn(keys, values, info);
  }

  /// What the one part says that touches a side, for each side; a part that leaves a side all of its 16 bits does not.
  /// Nothing where a part does not say, or two parts touch the same side, of which nobody knows what they share.
  std::optional<cache_bits> side_bits(std::size_t tokens, const cache_info& info) const {
    const cache_bits untouched = untouched_cache_bits(tokens, info);
    cache_bits bits = untouched;
    for (const any_cache_policy& part : parts_) {
      if (part.is_none()) continue;
      const std::optional<cache_bits> said = part.side_bits(tokens, info);
      if (!said) return std::nullopt;
      const bool touches_keys = said->keys != untouched.keys, touches_values = said->values != untouched.values;
      if ((touches_keys && bits.keys != untouched.keys) || (touches_values && bits.values != untouched.values))
        return std::nullopt;
      if (touches_keys) bits.keys = said->keys;
      if (touches_values) bits.values = said->values;
    }
    return bits;
  }
  std::optional<double> stored_bits(std::size_t tokens, const cache_info& info) const {
    const std::optional<cache_bits> bits = side_bits(tokens, info);
    return bits ? std::optional(bits->sum()) : std::nullopt;
  }

  /// "first+second": what parse_cache reads back.
  std::string name() const {
    std::string joined;
    for (const any_cache_policy& part : parts_)
      (joined += joined.empty() ? "" : "+") += part.name();
    return joined;
  }

 private:
  static std::string said_of(attention_reads reads) {
    return reads == attention_reads::stored ? "is stored" : "arrived";
  }

  std::vector<any_cache_policy> parts_;
};

static_assert(named_cache_policy<cache_chain> && learning_cache_policy<cache_chain>);

}  // namespace qfa

#endif
