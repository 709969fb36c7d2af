// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_KUMAR_2024_HPP
#define QFA_LAW_KUMAR_2024_HPP

#include "qfa/law/loss_law.hpp"
#include "qfa/law/ptq_degradation.hpp"
#include "qfa/law/training_precision.hpp"

/// An example set, not defaults: the constants that Kumar et al. 2024 (arXiv 2411.04330, appendix, table 2) fitted to
/// models of 30 to 220 million parameters and 1.5 to 26 billion tokens of Dolma, weights quantized by GPTQ, loss in
/// nats. The authors do not expect them to hold for other data, architectures or quantizers.
namespace qfa::kumar_2024 {

inline constexpr loss_law loss{.a = 4.299e3, .alpha = 0.4965, .b = 1.806e4, .beta = 0.4965, .e = 2.7648};

/// Whether C_T holds e^b already the paper does not say: `ptq` takes it so, `ptq_biased` multiplies by it.
inline constexpr ptq_degradation ptq{.c = 0.0598, .gamma_d = 0.5068, .gamma_n = 0.3439, .gamma_post = 0.5907};
inline constexpr ptq_degradation ptq_biased{
    .c = 0.0598, .gamma_d = 0.5068, .gamma_n = 0.3439, .gamma_post = 0.5907, .bias = 1.1277};

/// Integer weights, activations, and keys with values.
inline constexpr precision_responses integers{.weights = {.gamma = 2.6745, .shift = 0.3037},
                                              .activations = {.gamma = 2.2102, .shift = 1.4072},
                                              .cache = {.gamma = 0.9578, .shift = 2.4185}};
inline constexpr precision_response float_weights{.gamma = 2.8111, .shift = 0.1240};

}  // namespace qfa::kumar_2024

#endif
