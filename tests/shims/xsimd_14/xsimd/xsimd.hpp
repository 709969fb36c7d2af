// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SHIMS_XSIMD_14_HPP
#define QFA_TESTS_SHIMS_XSIMD_14_HPP

// A stand-in for xsimd 14, which Debian 12 does not have: as much of it as qfa uses, in the form that it has there, one
// lane at a time.  What 8.1 has and 14 has not is left out, so that its use does not compile: bitwise_cast to a batch
// (an element type since 11), hadd (reduce_add since 9), generic (common since 14), an architecture's version().
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <type_traits>

#define XSIMD_VERSION_MAJOR 14
#define XSIMD_VERSION_MINOR 3
#define XSIMD_VERSION_PATCH 0
#define XSIMD_WITH_AVX512F 0
#define XSIMD_WITH_SSE2 1

namespace xsimd {

struct common {
  static constexpr bool supported() noexcept { return true; }
};
struct sse2 : common {
  static constexpr std::size_t bytes = 16;
};
struct avx : common {
  static constexpr std::size_t bytes = 32;
};
struct avx2 : avx {};
template <class Arch>
struct fma3;
template <>
struct fma3<avx2> : avx2 {};
struct avx512f : common {
  static constexpr bool supported() noexcept { return false; }
  static constexpr std::size_t bytes = 64;
};
struct neon : common {};
struct neon64 : neon {};
using default_arch = fma3<avx2>;

template <class T, class Arch = default_arch>
class batch;

template <class T, class Arch = default_arch>
class batch_bool {
 public:
  static constexpr std::size_t size = Arch::bytes / sizeof(T);
  using register_type = std::array<bool, size>;

  batch_bool() = default;
  batch_bool(bool all) noexcept { lanes_.fill(all); }
  batch_bool(register_type lanes) noexcept : lanes_(lanes) {}
  template <class Pointer>
  batch_bool(Pointer const*) = delete;

  void store_aligned(bool* to) const noexcept { store_unaligned(to); }
  void store_unaligned(bool* to) const noexcept {
    for (std::size_t i = 0; i < size; ++i)
      to[i] = lanes_[i];
  }
  bool get(std::size_t i) const noexcept { return lanes_[i]; }
  std::uint64_t mask() const noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < size; ++i)
      bits |= static_cast<std::uint64_t>(lanes_[i]) << i;
    return bits;
  }
  batch_bool operator!() const noexcept {
    return each(*this, [](bool a, bool) { return !a; });
  }
  batch_bool operator~() const noexcept { return !*this; }
  batch_bool operator&(const batch_bool& b) const noexcept { return each(b, std::logical_and<>{}); }
  batch_bool operator|(const batch_bool& b) const noexcept { return each(b, std::logical_or<>{}); }
  batch_bool operator&&(const batch_bool& b) const noexcept { return *this & b; }
  batch_bool operator||(const batch_bool& b) const noexcept { return *this | b; }

 private:
  template <class F>
  batch_bool each(const batch_bool& b, F f) const noexcept {
    register_type out{};
    for (std::size_t i = 0; i < size; ++i)
      out[i] = f(lanes_[i], b.lanes_[i]);
    return out;
  }
  register_type lanes_;
};

template <class T, class Arch>
class batch {
 public:
  static constexpr std::size_t size = Arch::bytes / sizeof(T);
  using value_type = T;
  using arch_type = Arch;
  using register_type = std::array<T, size>;
  using batch_bool_type = batch_bool<T, Arch>;

  batch() = default;
  batch(T all) noexcept { lanes_.fill(all); }
  explicit batch(const batch_bool_type& b) noexcept {
    for (std::size_t i = 0; i < size; ++i)
      lanes_[i] = static_cast<T>(b.get(i));
  }
  batch(register_type lanes) noexcept : lanes_(lanes) {}

  template <class U>
  static batch load_unaligned(const U* from) noexcept {
    batch out;
    for (std::size_t i = 0; i < size; ++i)
      out.lanes_[i] = static_cast<T>(from[i]);
    return out;
  }
  template <class U>
  static batch load_aligned(const U* from) noexcept {
    return load_unaligned(from);
  }
  template <class U>
  void store_unaligned(U* to) const noexcept {
    for (std::size_t i = 0; i < size; ++i)
      to[i] = static_cast<U>(lanes_[i]);
  }
  template <class U>
  void store_aligned(U* to) const noexcept {
    store_unaligned(to);
  }
  T get(std::size_t i) const noexcept { return lanes_[i]; }
  T first() const noexcept { return lanes_[0]; }

  friend batch_bool_type operator==(const batch& a, const batch& b) noexcept { return a.test(b, std::equal_to<>{}); }
  friend batch_bool_type operator!=(const batch& a, const batch& b) noexcept {
    return a.test(b, std::not_equal_to<>{});
  }
  friend batch_bool_type operator<(const batch& a, const batch& b) noexcept { return a.test(b, std::less<>{}); }
  friend batch_bool_type operator<=(const batch& a, const batch& b) noexcept { return a.test(b, std::less_equal<>{}); }
  friend batch_bool_type operator>(const batch& a, const batch& b) noexcept { return a.test(b, std::greater<>{}); }
  friend batch_bool_type operator>=(const batch& a, const batch& b) noexcept {
    return a.test(b, std::greater_equal<>{});
  }

  friend batch operator+(const batch& a, const batch& b) noexcept { return a.each(b, std::plus<T>{}); }
  friend batch operator-(const batch& a, const batch& b) noexcept { return a.each(b, std::minus<T>{}); }
  friend batch operator*(const batch& a, const batch& b) noexcept { return a.each(b, std::multiplies<T>{}); }
  friend batch operator/(const batch& a, const batch& b) noexcept { return a.each(b, std::divides<T>{}); }
  batch& operator+=(const batch& b) noexcept { return *this = *this + b; }
  batch& operator-=(const batch& b) noexcept { return *this = *this - b; }
  batch& operator*=(const batch& b) noexcept { return *this = *this * b; }
  batch& operator/=(const batch& b) noexcept { return *this = *this / b; }
  batch operator-() const noexcept {
    return each(*this, [](T a, T) { return -a; });
  }

  /// f of every lane of this and of b.
  template <class F>
  batch each(const batch& b, F f) const noexcept {
    batch out;
    for (std::size_t i = 0; i < size; ++i)
      out.lanes_[i] = f(lanes_[i], b.lanes_[i]);
    return out;
  }

 private:
  template <class F>
  batch_bool_type test(const batch& b, F f) const noexcept {
    typename batch_bool_type::register_type out{};
    for (std::size_t i = 0; i < size; ++i)
      out[i] = f(lanes_[i], b.lanes_[i]);
    return out;
  }
  register_type lanes_;
};

template <class T, class Arch>
batch<T, Arch> fma(const batch<T, Arch>& x, const batch<T, Arch>& y, const batch<T, Arch>& z) noexcept {
  std::array<T, batch<T, Arch>::size> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = std::is_same_v<Arch, sse2> ? x.get(i) * y.get(i) + z.get(i) : std::fma(x.get(i), y.get(i), z.get(i));
  return out;
}
template <class T, class Arch>
batch<T, Arch> select(const batch_bool<T, Arch>& c, const batch<T, Arch>& a, const batch<T, Arch>& b) noexcept {
  std::array<T, batch<T, Arch>::size> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = c.get(i) ? a.get(i) : b.get(i);
  return out;
}
template <class T, class Arch>
batch<T, Arch> abs(const batch<T, Arch>& x) noexcept {
  return x.each(x, [](T a, T) { return std::fabs(a); });
}
template <class T, class Arch>
batch<T, Arch> copysign(const batch<T, Arch>& x, const batch<T, Arch>& sign) noexcept {
  return x.each(sign, [](T a, T b) { return std::copysign(a, b); });
}
template <class T, class Arch>
batch<T, Arch> sqrt(const batch<T, Arch>& x) noexcept {
  return x.each(x, [](T a, T) { return std::sqrt(a); });
}
template <class T, class Arch>
T reduce_add(const batch<T, Arch>& x) noexcept {
  T sum{};
  for (std::size_t i = 0; i < batch<T, Arch>::size; ++i)
    sum += x.get(i);
  return sum;
}
template <class T, class Arch>
bool any(const batch_bool<T, Arch>& b) noexcept {
  return b.mask() != 0;
}
template <class To, class T, class Arch>
batch<To, Arch> bitwise_cast(const batch<T, Arch>& x) noexcept {
  static_assert(std::is_arithmetic_v<To> && sizeof(To) == sizeof(T));
  std::array<To, batch<To, Arch>::size> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = std::bit_cast<To>(x.get(i));
  return out;
}

template <class T, std::size_t Align>
class aligned_allocator {
 public:
  using value_type = T;
  template <class U>
  struct rebind {
    using other = aligned_allocator<U, Align>;
  };
  aligned_allocator() = default;
  template <class U>
  aligned_allocator(const aligned_allocator<U, Align>&) noexcept {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{Align})); }
  void deallocate(T* p, std::size_t) noexcept { ::operator delete (p, std::align_val_t{Align}); }
  friend bool operator==(const aligned_allocator&, const aligned_allocator&) noexcept { return true; }
};

}  // namespace xsimd

#endif
