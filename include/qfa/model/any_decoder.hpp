// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_ANY_DECODER_HPP
#define QFA_MODEL_ANY_DECODER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "qfa/cache/plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/cached_pass.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/input_visitor.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/dispatch.hpp"

namespace qfa {

namespace detail {

using hook_visitor = std::function<void(std::size_t, matrix_view<float>)>;

/// What any_decoder asks of the decoder within.  Calls of these functions, and of the visitors, are all that passes
/// between code that was compiled for one instruction set and code that was compiled for another.
class decoder_face {
 public:
  decoder_face() = default;
  decoder_face& operator=(const decoder_face&) = delete;
  virtual ~decoder_face() = default;

  virtual std::unique_ptr<decoder_face> copy() const = 0;
  virtual simd::instruction_set runs_on() const noexcept = 0;
  virtual const model_config& config() const noexcept = 0;
  virtual void visit_inputs(input_visitor visit) = 0;
  virtual activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options,
                              const hook_visitor& visit, forward_scratch& scratch) const = 0;
  virtual activations extend(matrix_view<const std::uint32_t> tokens, std::span<kv_cache> caches,
                             const forward_options& options, const hook_visitor& visit,
                             forward_scratch& scratch) const = 0;
  virtual void unembed(matrix_view<const float> final_hidden, matrix_view<float> logits) const = 0;
  virtual void score_tokens(matrix_view<const float> hidden, matrix_view<const std::uint32_t> tokens,
                            std::span<double> nll) const = 0;
  /// As the reference of a `compressed` that runs on the same kernels.
  virtual void compare_tokens(matrix_view<const float> hidden, const decoder_face& compressed,
                              matrix_view<const float> compressed_hidden, matrix_view<const std::uint32_t> tokens,
                              std::span<token_comparison> out, bool with_entropy) const = 0;
  /// `other` runs on the same kernels.
  virtual std::size_t shared_panels(const decoder_face& other) const noexcept = 0;

 protected:
  decoder_face(const decoder_face&) = default;
};

template <class Arch>
class decoder_on final : public decoder_face {
 public:
  decoder_on(const language_model& model, const decoder_face* like, const simd::instruction_set& set)
      : decoder_(like == nullptr ? decoder<Arch>(model) : decoder<Arch>(model, within(*like))), set_(set) {}

  std::unique_ptr<decoder_face> copy() const override { return std::make_unique<decoder_on>(*this); }
  simd::instruction_set runs_on() const noexcept override { return set_; }
  const model_config& config() const noexcept override { return decoder_.config(); }
  void visit_inputs(input_visitor visit) override { decoder_.visit_inputs(std::move(visit)); }
  activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options,
                      const hook_visitor& visit, forward_scratch& scratch) const override {
    return decoder_.forward(tokens, options, visit, scratch);
  }
  activations extend(matrix_view<const std::uint32_t> tokens, std::span<kv_cache> caches,
                     const forward_options& options, const hook_visitor& visit,
                     forward_scratch& scratch) const override {
    return decoder_.extend(tokens, caches, options, visit, scratch);
  }
  void unembed(matrix_view<const float> final_hidden, matrix_view<float> logits) const override {
    decoder_.unembed(final_hidden, logits);
  }
  void score_tokens(matrix_view<const float> hidden, matrix_view<const std::uint32_t> tokens,
                    std::span<double> nll) const override {
    qfa::score_tokens<Arch>(decoder_, hidden, tokens, nll);
  }
  void compare_tokens(matrix_view<const float> hidden, const decoder_face& compressed,
                      matrix_view<const float> compressed_hidden, matrix_view<const std::uint32_t> tokens,
                      std::span<token_comparison> out, bool with_entropy) const override {
    qfa::compare_tokens<Arch>(decoder_, hidden, within(compressed), compressed_hidden, tokens, out, with_entropy);
  }
  std::size_t shared_panels(const decoder_face& other) const noexcept override {
    return decoder_.shared_panels(within(other));
  }

 private:
  static const decoder<Arch>& within(const decoder_face& face) noexcept {
    return static_cast<const decoder_on&>(face).decoder_;
  }

  decoder<Arch> decoder_;
  simd::instruction_set set_;
};

/// How a level's kernels hand out a decoder (`like` may be null): C linkage, so that cmake/QfaDispatch.cmake knows its
/// name.
using decoder_maker = void(const language_model& model, const decoder_face* like, std::unique_ptr<decoder_face>& out);

}  // namespace detail
}  // namespace qfa

#ifdef QFA_DISPATCH
extern "C" {
#if defined(__x86_64__)
qfa::detail::decoder_maker qfa_decoder_sse2, qfa_decoder_avx2, qfa_decoder_avx512, qfa_decoder_avx512vnni;
#elif defined(__aarch64__)
qfa::detail::decoder_maker qfa_decoder_neon;
#endif
}
#endif

namespace qfa {

namespace detail {

#ifdef QFA_DISPATCH
/// A decoder of the kernels that qfa_enable_dispatch put into this program, whether or not this machine runs them.
inline std::unique_ptr<decoder_face> dispatched_decoder(simd::level level, const language_model& model,
                                                        const decoder_face* like = nullptr) {
#if defined(__x86_64__)
  constexpr std::array<decoder_maker*, simd::levels> makers{&qfa_decoder_sse2, &qfa_decoder_avx2, &qfa_decoder_avx512,
                                                            &qfa_decoder_avx512vnni};
#elif defined(__aarch64__)
  constexpr std::array<decoder_maker*, simd::levels> makers{&qfa_decoder_neon};
#endif
  std::unique_ptr<decoder_face> out;
  makers[static_cast<std::size_t>(level)](model, like, out);
  return out;
}
#endif

/// As default_encoder chooses (sae/any_encoder.hpp).  Shares panels with a `like` of the same kernels.
inline std::unique_ptr<decoder_face> default_decoder(const language_model& model, const decoder_face* like = nullptr) {
#ifdef QFA_DISPATCH
  const simd::level level = simd::chosen_level();
  const std::string_view name = simd::level_names[static_cast<std::size_t>(level)];
  return dispatched_decoder(level, model, like != nullptr && like->runs_on().name == name ? like : nullptr);
#else
  using simd::best_arch;
  const simd::instruction_set set{best_arch::name(), simd::has_fma<best_arch>};
  return std::make_unique<decoder_on<best_arch>>(model, like != nullptr && like->runs_on() == set ? like : nullptr,
                                                 set);
#endif
}

}  // namespace detail

/// A decoder whose instruction set is known at run time only: what audits and programs hold.
///
/// Says and does what `decoder<Arch>` does.  A copy shares the packed weights, and visits inputs and uses caches as the
/// original did when it was copied.
class any_decoder {
 public:
  /// Throws as `decoder` does, and where QFA_ARCH names what this machine has not.
  explicit any_decoder(const language_model& model) : any_decoder(detail::default_decoder(model)) {}
  /// Shares with `like` the packed form of every tensor that the two models share; nothing where it runs on another
  /// set.
  any_decoder(const language_model& model, const any_decoder& like)
      : any_decoder(detail::default_decoder(model, like.within_.get())) {}
  explicit any_decoder(std::unique_ptr<detail::decoder_face> within) : within_(std::move(within)) {}

  any_decoder(const any_decoder& other) : within_(other.within_->copy()), cache_(other.cache_) {}
  any_decoder& operator=(const any_decoder& other) {
    if (this != &other) *this = any_decoder(other);
    return *this;
  }
  any_decoder(any_decoder&&) noexcept = default;
  any_decoder& operator=(any_decoder&&) noexcept = default;
  ~any_decoder() = default;

  simd::instruction_set runs_on() const noexcept { return within_->runs_on(); }
  const model_config& config() const noexcept { return within_->config(); }
  void visit_inputs(input_visitor visit) { within_->visit_inputs(std::move(visit)); }

  /// From here on every `forward` passes its texts through caches (model/cached_pass.hpp).  An empty plan: passes as
  /// they were.  Throws where the plan is of another number of layers.
  void use_cache(cache_plan plan, const cache_schedule& schedule = {}) {
    check_layers(plan, config().layers);
    cache_ = {std::move(plan), schedule};
  }
  const cache_use& cache() const noexcept { return cache_; }

  template <class Visit>
  activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options, Visit&& visit,
                      forward_scratch& scratch) const {
    if (!cache_.plan.is_none()) return forward_with_cache(*this, cache_, tokens, options, visit, scratch);
    return within_->forward(tokens, options, std::ref(visit), scratch);
  }
  template <class Visit>
  activations extend(matrix_view<const std::uint32_t> tokens, std::span<kv_cache> caches,
                     const forward_options& options, Visit&& visit, forward_scratch& scratch) const {
    return within_->extend(tokens, caches, options, std::ref(visit), scratch);
  }
  template <class Visit>
  activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options, Visit&& visit) const {
    forward_scratch scratch;
    return forward(tokens, options, visit, scratch);
  }
  activations final_hidden(matrix_view<const std::uint32_t> tokens) const {
    return forward(tokens, {.final_hidden = true}, no_visitor{});
  }
  void unembed(matrix_view<const float> final_hidden, matrix_view<float> logits) const {
    within_->unembed(final_hidden, logits);
  }
  activations logits(matrix_view<const std::uint32_t> tokens) const {
    const activations hidden = final_hidden(tokens);
    activations out;
    out.resize(hidden.tokens, config().vocabulary);
    unembed(hidden.view(), out.view());
    return out;
  }
  /// How many linear layers read the same packed panels as `other`'s; none where the two run on different sets.
  std::size_t shared_panels(const any_decoder& other) const noexcept {
    return runs_on() == other.runs_on() ? within_->shared_panels(*other.within_) : 0;
  }

  friend void score_tokens(const any_decoder& model, matrix_view<const float> hidden,
                           matrix_view<const std::uint32_t> tokens, std::span<double> nll) {
    model.within_->score_tokens(hidden, tokens, nll);
  }
  /// Throws where the two run on different instruction sets.
  friend void compare_tokens(const any_decoder& reference, matrix_view<const float> reference_hidden,
                             const any_decoder& compressed, matrix_view<const float> compressed_hidden,
                             matrix_view<const std::uint32_t> tokens, std::span<token_comparison> out,
                             bool with_entropy) {
    require(reference.runs_on() == compressed.runs_on(), "two decoders can be compared on one instruction set only");
    reference.within_->compare_tokens(reference_hidden, *compressed.within_, compressed_hidden, tokens, out,
                                      with_entropy);
  }

 private:
  std::unique_ptr<detail::decoder_face> within_;
  cache_use cache_;
};

// Friends are found by their arguments alone; these are found by their full names, too.
inline void score_tokens(const any_decoder& model, matrix_view<const float> hidden,
                         matrix_view<const std::uint32_t> tokens, std::span<double> nll);
inline void compare_tokens(const any_decoder& reference, matrix_view<const float> reference_hidden,
                           const any_decoder& compressed, matrix_view<const float> compressed_hidden,
                           matrix_view<const std::uint32_t> tokens, std::span<token_comparison> out,
                           bool with_entropy = false);

}  // namespace qfa

#endif
