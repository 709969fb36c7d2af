// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SHIMS_XTENSOR_0_26_HPP
#define QFA_TESTS_SHIMS_XTENSOR_0_26_HPP

// A stand-in for xtensor 0.26 and 0.27, which Debian 12 does not have: the container that qfa knows, where it is now.
#include <array>
#include <cstddef>
#include <vector>

namespace xt {

template <class T, std::size_t N>
class xtensor {
 public:
  static_assert(N == 2, "qfa knows tensors of two dimensions");
  using value_type = T;
  using shape_type = std::array<std::size_t, N>;
  using strides_type = std::array<std::ptrdiff_t, N>;

  explicit xtensor(const shape_type& shape)
      : shape_(shape),
        // A dimension of length one has the stride 0.
        strides_{shape[0] == 1 ? 0 : static_cast<std::ptrdiff_t>(shape[1]), shape[1] == 1 ? 0 : 1},
        values_(shape[0] * shape[1]) {}

  std::size_t dimension() const noexcept { return N; }
  const shape_type& shape() const noexcept { return shape_; }
  const strides_type& strides() const noexcept { return strides_; }
  T* data() noexcept { return values_.data(); }
  const T* data() const noexcept { return values_.data(); }
  std::size_t data_offset() const noexcept { return 0; }
  T& operator()(std::size_t r, std::size_t c) noexcept { return values_[r * shape_[1] + c]; }

 private:
  shape_type shape_;
  strides_type strides_;
  std::vector<T> values_;
};

}  // namespace xt

#endif
