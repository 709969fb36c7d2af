// SPDX-License-Identifier: Apache-2.0
// All that an audit runs on vector registers, compiled once for each level of qfa/simd/dispatch.hpp.
//
// QfaDispatch.cmake defines QFA_LEVEL, the level's name as a string, and QFA_ENCODER, QFA_DECODER, QFA_GRAM and
// QFA_RANK_UPDATE, the names of the four functions, and hides everything else that is defined here.
#include <cstddef>
#include <memory>

#include "qfa/model/any_decoder.hpp"
#include "qfa/sae/any_encoder.hpp"
#include "qfa/simd/gram.hpp"
#include "qfa/simd/rank_update.hpp"

namespace {

using arch = qfa::simd::best_arch;
constexpr qfa::simd::instruction_set set{QFA_LEVEL, qfa::simd::has_fma<arch>};

}  // namespace

extern "C" {

qfa::detail::encoder_maker QFA_ENCODER;
qfa::detail::decoder_maker QFA_DECODER;
qfa::simd::gram_kernel QFA_GRAM;
qfa::simd::rank_update_kernel QFA_RANK_UPDATE;

void QFA_ENCODER(const qfa::sae& s, const qfa::encode_options& options,
                 std::shared_ptr<const qfa::detail::encoder_face>& out) {
  out = std::make_shared<const qfa::detail::encoder_on<arch>>(s, options, set);
}

void QFA_DECODER(const qfa::language_model& model, const qfa::detail::decoder_face* like,
                 std::unique_ptr<qfa::detail::decoder_face>& out) {
  out = std::make_unique<qfa::detail::decoder_on<arch>>(model, like, set);
}
void QFA_GRAM(const double* a, const double* b, std::size_t tokens, double* tile) {
  qfa::simd::add_gram_tile<arch>(a, b, tokens, tile);
}
void QFA_RANK_UPDATE(qfa::simd::double_rows<double> w, qfa::simd::double_rows<const double> e,
                     qfa::simd::double_rows<const double> u, std::size_t rows, std::size_t terms, std::size_t columns) {
  qfa::simd::subtract_products<arch>(w, e, u, rows, terms, columns);
}
}
