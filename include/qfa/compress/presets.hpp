// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_PRESETS_HPP
#define QFA_COMPRESS_PRESETS_HPP

#include <array>
#include <string_view>

#include "qfa/compress/rounding.hpp"
#include "qfa/compress/rtn.hpp"

namespace qfa {

/// The quantizer of arXiv 2606.03002: scales shared between heads, as TransformerLens lays the weights out.  Pythia ran
/// in fp32, Gemma-2 in bf16.
constexpr rtn paper_rtn(int bits, float_format arithmetic = float_format::fp32) noexcept {
  return {.bits = bits, .per = granularity::shared_heads, .group = rtn{}.group, .arithmetic = arithmetic};
}

/// A named recipe: the spec string it stands for, and where it comes from.
struct preset {
  std::string_view name;
  std::string_view spec;
  std::string_view origin;
};

inline constexpr std::array presets{
    preset{"paper_rtn", "rtn:per=shared_heads", "the published quantizer, arXiv 2606.03002"},
};

}  // namespace qfa

#endif
