// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_MEASURED_CACHE_HPP
#define QFA_ALIGNMENT_MEASURED_CACHE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/alignment/verdict.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa {

/// What one condition does to behavior, and what perplexity sees of it.
struct measured_cache {
  std::string name;
  std::optional<double> bits{};              ///< nominal, where it is one of a sweep over bits
  std::optional<double> bits_per_element{};  ///< of keys and values, scales included, over all layers
  flip_counts harmful{};                     ///< prompts that should be refused
  flip_counts harmless{};                    ///< the others
  loss_sum text{};                           ///< of ordinary text
  double perplexity_ratio = std::numeric_limits<double>::quiet_NaN();  ///< over the reference's; NaN without text

  /// Both kinds of prompts.
  flip_counts all() const noexcept {
    flip_counts out = harmful;
    out += harmless;
    return out;
  }
};

/// Measures conditions on one split of the prompts and on ordinary text.  Texts come as serving and teacher forcing
/// have it (cache_schedule): in one call, or token by token where attention reads what arrives.
class cache_meter {
 public:
  /// `text` may have no rows: then nothing is known of perplexity.  `tokens` is how long a text bits are counted for.
  cache_meter(behavior& asked, token_rows text, prompt_split split, std::size_t tokens = 1024)
      : asked_(&asked),
        text_(std::move(text)),
        harmful_(asked.prompts().of(prompt_label::harmful, split)),
        harmless_(asked.prompts().of(prompt_label::harmless, split)),
        tokens_(tokens) {}

  const std::vector<std::size_t>& harmful() const noexcept { return harmful_; }
  const std::vector<std::size_t>& harmless() const noexcept { return harmless_; }

  /// Of each harmful prompt of the split, in the order of harmful().
  std::vector<verdict> harmful_verdicts(const answering& who) { return asked_->verdicts(who, harmful_); }

  measured_cache operator()(const answering& who, std::optional<double> bits = {}) {
    measured_cache out{.name = who.name, .bits = bits, .bits_per_element = bits_per_element(who.plan)};
    out.harmful = asked_->flips(who, harmful_);
    out.harmless = asked_->flips(who, harmless_);
    out.text = loss(who);
    if (text_.rows() > 0) out.perplexity_ratio = std::exp(out.text.mean() - loss({}).mean());
    return out;
  }

  /// Next-token loss of the text.
  const loss_sum& loss(const answering& who) {
    const auto [found, fresh] = losses_.try_emplace(who.name);
    if (!fresh || text_.rows() == 0) return found->second;
    any_decoder model = who.model == nullptr ? asked_->reference() : *who.model;
    model.use_cache(who.plan);
    constexpr std::size_t tokens_at_once = 4096;
    const std::size_t at_once = (std::max<std::size_t>)(1, tokens_at_once / text_.context);
    for (std::size_t r = 0; r < text_.rows(); r += at_once) {
      const auto rows = text_.view().rows_between(r, (std::min)(text_.rows(), r + at_once));
      std::vector<double> nll(rows.rows() * (text_.context - 1));
      score_tokens(model, model.final_hidden(rows).view(), rows, nll);
      for (const double x : nll)
        found->second(x);
    }
    return found->second;
  }

  /// Bits of an element of K or V over all layers; nothing where a policy does not say.
  std::optional<double> bits_per_element(const cache_plan& plan) const {
    const cache_info shape = cache_shape(asked_->reference().config());
    const std::optional<double> bits = plan.stored_bits(tokens_, shape);
    if (!bits) return std::nullopt;
    return *bits / (2.0 * static_cast<double>(tokens_ * shape.width() * shape.layers));
  }

  /// Bits of each layer's cache; nothing where a policy does not say.
  std::optional<std::vector<double>> layer_bits(const cache_plan& plan) const {
    cache_info info = cache_shape(asked_->reference().config());
    std::vector<double> out;
    for (; info.layer < info.layers; ++info.layer) {
      const bool plain = plan.layers() == 0 || plan[info.layer].is_none();
      const std::optional<double> bits = plain ? std::optional(untouched_cache_bits(tokens_, info).sum())
                                               : plan[info.layer].stored_bits(tokens_, info);
      if (!bits) return std::nullopt;
      out.push_back(*bits);
    }
    return out;
  }

 private:
  behavior* asked_;
  token_rows text_;
  std::vector<std::size_t> harmful_, harmless_;
  std::size_t tokens_;
  std::map<std::string, loss_sum> losses_;
};

}  // namespace qfa

#endif
