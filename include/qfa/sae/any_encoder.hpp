// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_ANY_ENCODER_HPP
#define QFA_SAE_ANY_ENCODER_HPP

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "qfa/core/matrix_view.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/decode.hpp"
#include "qfa/sae/encode.hpp"
#include "qfa/sae/encode_options.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/screened_block.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/dispatch.hpp"

namespace qfa {

namespace detail {

/// What any_encoder asks of the encoder within.  Calls of these functions are all that passes between code that was
/// compiled for one instruction set and code that was compiled for another.
class encoder_face {
 public:
  encoder_face() = default;
  encoder_face(const encoder_face&) = delete;
  encoder_face& operator=(const encoder_face&) = delete;
  virtual ~encoder_face() = default;

  virtual simd::instruction_set runs_on() const noexcept = 0;
  virtual std::size_t d_in() const noexcept = 0;
  virtual std::size_t width() const noexcept = 0;
  virtual sparse_codes encode(matrix_view<const float> x) const = 0;
  virtual screen_counts screened() const = 0;
  virtual void decode(const sae& s, const sparse_codes& codes, std::span<const input_frame> frames,
                      matrix_view<float> out) const = 0;
};

template <class Arch>
class encoder_on final : public encoder_face {
 public:
  encoder_on(const sae& s, const encode_options& options, const simd::instruction_set& set)
      : encode_(s, options), set_(set) {}

  simd::instruction_set runs_on() const noexcept override { return set_; }
  std::size_t d_in() const noexcept override { return encode_.d_in(); }
  std::size_t width() const noexcept override { return encode_.width(); }
  sparse_codes encode(matrix_view<const float> x) const override { return encode_(x); }
  screen_counts screened() const override { return encode_.screened(); }
  void decode(const sae& s, const sparse_codes& codes, std::span<const input_frame> frames,
              matrix_view<float> out) const override {
    qfa::decode<Arch>(s, codes, frames, out);
  }

 private:
  encoder<Arch> encode_;
  simd::instruction_set set_;
};

/// How a level's kernels hand out an encoder: C linkage, so that cmake/QfaDispatch.cmake knows its name.
using encoder_maker = void(const sae& s, const encode_options& options, std::shared_ptr<const encoder_face>& out);

}  // namespace detail
}  // namespace qfa

#ifdef QFA_DISPATCH
extern "C" {
#if defined(__x86_64__)
qfa::detail::encoder_maker qfa_encoder_sse2, qfa_encoder_avx2, qfa_encoder_avx512, qfa_encoder_avx512vnni;
#elif defined(__aarch64__)
qfa::detail::encoder_maker qfa_encoder_neon;
#endif
}
#endif

namespace qfa {

namespace detail {

#ifdef QFA_DISPATCH
/// An encoder of the kernels that qfa_enable_dispatch put into this program, whether or not this machine runs them.
inline std::shared_ptr<const encoder_face> dispatched_encoder(simd::level level, const sae& s,
                                                              const encode_options& options = {}) {
#if defined(__x86_64__)
  constexpr std::array<encoder_maker*, simd::levels> makers{&qfa_encoder_sse2, &qfa_encoder_avx2, &qfa_encoder_avx512,
                                                            &qfa_encoder_avx512vnni};
#elif defined(__aarch64__)
  constexpr std::array<encoder_maker*, simd::levels> makers{&qfa_encoder_neon};
#endif
  std::shared_ptr<const encoder_face> out;
  makers[static_cast<std::size_t>(level)](s, options, out);
  return out;
}
#endif

/// An encoder of the instruction set that programs run on unless they choose: the best of this machine in a target with
/// qfa_enable_dispatch, otherwise the best that the compiler's flags allow.
inline std::shared_ptr<const encoder_face> default_encoder(const sae& s, const encode_options& options = {}) {
#ifdef QFA_DISPATCH
  return dispatched_encoder(simd::chosen_level(), s, options);
#else
  using simd::best_arch;
  return std::make_shared<const encoder_on<best_arch>>(
      s, options, simd::instruction_set{best_arch::name(), simd::has_fma<best_arch>});
#endif
}

}  // namespace detail

/// An encoder whose instruction set is known at run time only: what audits and programs hold.
///
/// The codes are those of `encoder<Arch>`.  Copies share the packed weights.
class any_encoder {
 public:
  /// Copies what it needs of `s`.  Throws as `encoder` does, and where QFA_ARCH names what this machine has not.
  explicit any_encoder(const sae& s, const encode_options& options = {})
      : any_encoder(detail::default_encoder(s, options)) {}
  explicit any_encoder(std::shared_ptr<const detail::encoder_face> within) : within_(std::move(within)) {}

  simd::instruction_set runs_on() const noexcept { return within_->runs_on(); }
  std::size_t d_in() const noexcept { return within_->d_in(); }
  std::size_t width() const noexcept { return within_->width(); }  ///< features

  /// The codes of x (tokens, d_in).  Throws where x has another width or a value that is not finite.
  sparse_codes operator()(matrix_view<const float> x) const { return within_->encode(x); }

  /// How the screen has fared so far: nothing where there is none.
  screen_counts screened() const { return within_->screened(); }

  /// qfa::decode on the same instruction set, of the SAE that the encoder was made from: out (tokens, d_in).
  void decode(const sae& s, const sparse_codes& codes, std::span<const input_frame> frames,
              matrix_view<float> out) const {
    within_->decode(s, codes, frames, out);
  }

 private:
  std::shared_ptr<const detail::encoder_face> within_;
};

}  // namespace qfa

#endif
