// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_ARCHIVE_HPP
#define QFA_IO_ARCHIVE_HPP

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/checksum.hpp"

namespace qfa {

namespace detail {

inline constexpr std::string_view archive_magic = "qfa archive ";

template <class T, class Archive>
concept has_members = requires(T& value, Archive& archive) {
  std::remove_const_t<T>::members(value, archive);
};
template <class T, class Archive>
concept has_archive_members = requires(T& value, Archive& archive) {
  archive_members(value, archive);
};

template <class T>
concept plain = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_empty_v<T>;

/// A vector of these is one run of bytes.
template <class T, class Archive>
concept plain_element =
    plain<T> && !std::same_as<T, bool> && !has_members<T, Archive> && !has_archive_members<T, Archive>;

inline void require_little_endian() {
  require(std::endian::native == std::endian::little, "archives are little-endian, and this machine is not");
}

}  // namespace detail

/// Values as bytes and back, for state that must outlive a process: checkpoints, and what machines send each other.
///
///   archive_writer out("pass", 1);          archive_reader in(bytes, "pass", 1, "the checkpoint");
///   out(name, sums, table);                 in(name, sums, table);
///   std::vector<std::byte> bytes = std::move(out).finish();
///                                           in.finish();
///
/// A class is archived member by member, by
///   template <class Self, class Archive> static void members(Self& self, Archive& archive) { archive(self.a, self.b);
///   }
/// or, where it is not to know of archives, by a free function `archive_members(self, archive)` of its namespace; both
/// serve writing and reading, which `Archive::reads` tells apart.  Strings, vectors, pairs and optionals are known;
/// what else is trivially copyable goes as it lies in memory.
///
/// Layout, little-endian: "qfa archive ", the kind of content and its version, the length of the content in bytes, the
/// content, and CRC-32 of all that.  Bytes that are not whole are refused before any is believed.
class archive_writer {
 public:
  static constexpr bool reads = false;

  /// `kind` says what the content is, `layout` which version of it.
  archive_writer(std::string_view kind, std::uint32_t layout) : archive_writer(kind, layout, 0, {}) {}

  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }

  /// The whole archive.
  std::vector<std::byte> finish() && {
    const std::uint64_t length = content();
    std::memcpy(bytes_.data() + content_ - sizeof length, &length, sizeof length);
    put(crc32(bytes_));
    return std::move(bytes_);
  }

  template <class Fill, class Take>
  friend std::uint32_t write_archive(std::string_view kind, std::uint32_t layout, Fill fill, Take take);

 private:
  using taker = std::function<void(std::span<const std::byte>)>;

  /// Hands its bytes to `take`, if there is one, in pieces of about a megabyte.
  archive_writer(std::string_view kind, std::uint32_t layout, std::uint64_t length, taker take)
      : take_(std::move(take)) {
    detail::require_little_endian();
    append(std::as_bytes(std::span(detail::archive_magic)));
    put(std::string(kind));
    put(layout);
    content_ = bytes_.size() + sizeof length;
    put(length);  // where nothing is handed out, it is known at the end
  }

  std::uint64_t content() const noexcept { return taken_ + bytes_.size() - content_; }  // bytes so far

  void append(std::span<const std::byte> bytes) {
    constexpr std::size_t piece = std::size_t{1} << 20U;
    if (take_ && bytes.size() > piece - bytes_.size()) {
      hand_out();
      if (bytes.size() >= piece) {
        taken_ += bytes.size();
        return take_(bytes);
      }
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void hand_out() {
    taken_ += bytes_.size();
    take_(bytes_);
    bytes_.clear();
  }

  template <class T>
  void put(const T& value) {
    if constexpr (detail::has_members<const T, archive_writer>) {
      T::members(value, *this);
    } else if constexpr (detail::has_archive_members<const T, archive_writer>) {
      archive_members(value, *this);
    } else {
      static_assert(detail::plain<T>, "archives know no such type: give it members()");
      append(std::as_bytes(std::span(&value, 1)));
    }
  }
  void put(const std::string& text) {
    put(static_cast<std::uint64_t>(text.size()));
    append(std::as_bytes(std::span(text)));
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<std::uint64_t>(values.size()));
    if constexpr (detail::plain_element<T, archive_writer>)
      append(std::as_bytes(std::span(values)));
    else
      for (const T& value : values)
        put(value);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(static_cast<std::uint8_t>(value.has_value()));
    if (value) put(*value);
  }
  template <class A, class B>
  void put(const std::pair<A, B>& value) {
    put(value.first);
    put(value.second);
  }

  std::vector<std::byte> bytes_;  // but those that were handed out
  std::size_t content_ = 0;       // where it begins
  std::uint64_t taken_ = 0;       // bytes
  taker take_;
};

/// The same archive piece by piece, for what is not to be in memory twice.  `fill(archive)` is called twice, at first
/// to learn how long the content is, and must archive the same values both times; `take(bytes)` gets the pieces in
/// their order.  Returns the checksum at the archive's end.  Throws where the two differ in length.
template <class Fill, class Take>
std::uint32_t write_archive(std::string_view kind, std::uint32_t layout, Fill fill, Take take) {
  archive_writer measured(kind, layout, 0, [](std::span<const std::byte>) {});
  fill(measured);
  running_crc32 crc;
  archive_writer out(kind, layout, measured.content(), [&](std::span<const std::byte> bytes) {
    crc(bytes);
    take(bytes);
  });
  fill(out);
  require(out.content() == measured.content(), "values changed while they were archived");
  out.hand_out();
  const std::uint32_t sum = crc.value();
  take(std::as_bytes(std::span(&sum, 1)));
  return sum;
}

/// The checksum that an archive ends with.  (CRC-32 over all its bytes would be the same number for every archive: that
/// is what appending a CRC does.)  Throws for less than 5 bytes.
inline std::uint32_t checksum_of_archive(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0;
  require(bytes.size() > sizeof crc, "an archive ends with a checksum");
  std::memcpy(&crc, bytes.data() + bytes.size() - sizeof crc, sizeof crc);
  return crc;
}

/// The way back.
class archive_reader {
 public:
  static constexpr bool reads = true;

  /// `bytes` must stay where they are.  `where` names them in sentences.  Throws unless they are a whole archive of
  /// that kind and version.
  archive_reader(std::span<const std::byte> bytes, std::string_view kind, std::uint32_t layout, std::string where)
      : where_(std::move(where)), rest_(bytes) {
    detail::require_little_endian();
    const std::span<const std::byte> magic = std::as_bytes(std::span(detail::archive_magic));
    if (bytes.size() < magic.size() || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
      fail(where_ + " is no archive of qfa");
    take(magic.size());
    std::string found_kind;
    std::uint32_t found_version = 0, crc = 0;
    std::uint64_t length = 0;
    (*this)(found_kind, found_version, length);
    if (rest_.size() < sizeof crc || length != rest_.size() - sizeof crc)
      fail(where_ + " is not whole: it goes on for " + std::to_string(rest_.size()) + " bytes, expected " +
           std::to_string(length) + " and a checksum");
    std::memcpy(&crc, bytes.data() + bytes.size() - sizeof crc, sizeof crc);
    if (crc != crc32(bytes.first(bytes.size() - sizeof crc)))
      fail(where_ + " is damaged: its bytes do not have the checksum that they were written with");
    if (found_kind != kind || found_version != layout)
      fail(where_ + " holds a \"" + found_kind + "\" of version " + std::to_string(found_version) + ", expected a \"" +
           std::string(kind) + "\" of version " + std::to_string(layout));
    rest_ = rest_.first(rest_.size() - sizeof crc);
  }

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }

  /// Throws unless everything was read.
  void finish() const {
    if (!rest_.empty()) fail(where_ + " holds " + std::to_string(rest_.size()) + " bytes more than were expected");
  }

  const std::string& where() const noexcept { return where_; }

 private:
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > rest_.size()) fail(where_ + " ends before what it should hold");
    const auto out = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(out.size());
    return out;
  }

  template <class T>
  void get(T& value) {
    if constexpr (detail::has_members<T, archive_reader>) {
      T::members(value, *this);
    } else if constexpr (detail::has_archive_members<T, archive_reader>) {
      archive_members(value, *this);
    } else {
      static_assert(detail::plain<T>, "archives know no such type: give it members()");
      const std::span<const std::byte> from = take(sizeof value);
      std::memcpy(&value, from.data(), from.size());
    }
  }
  /// How many elements follow, each of which takes at least `least` bytes: no more are believed than there is room for.
  std::size_t count_of(std::size_t least) {
    std::uint64_t count = 0;
    get(count);
    if (count > rest_.size() / least) fail(where_ + " ends before what it should hold");
    return static_cast<std::size_t>(count);
  }
  void get(std::string& text) {
    const std::span<const std::byte> from = take(count_of(1));
    text.assign(reinterpret_cast<const char*>(from.data()), from.size());
  }
  template <class T>
  void get(std::vector<T>& values) {
    if constexpr (detail::plain_element<T, archive_reader>) {
      values.resize(count_of(sizeof(T)));
      const std::span<const std::byte> from = take(values.size() * sizeof(T));
      if (!from.empty()) std::memcpy(values.data(), from.data(), from.size());
    } else {
      values.clear();
      values.resize(count_of(1));
      for (T& value : values)
        get(value);
    }
  }
  template <class T>
  void get(std::optional<T>& value) {
    std::uint8_t has = 0;
    get(has);
    value.reset();
    if (has != 0) get(value.emplace());
  }
  template <class A, class B>
  void get(std::pair<A, B>& value) {
    get(value.first);
    get(value.second);
  }

  std::string where_;
  std::span<const std::byte> rest_;
};

}  // namespace qfa

#endif
