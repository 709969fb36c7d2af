// SPDX-License-Identifier: Apache-2.0
// xtensor 0.26 left nothing at this address.
#error "xtensor/xtensor.hpp is where xtensor was before 0.26"
