// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_CHECKSUM_HPP
#define QFA_IO_CHECKSUM_HPP

#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "qfa/io/file_window.hpp"

namespace qfa {

/// CRC-32 as zip, gzip and PNG have it (ISO 3309): whoever reads a report can repeat it with any tool.
inline std::uint32_t crc32(std::span<const std::byte> bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

/// The same of bytes that come piece by piece.
class running_crc32 {
 public:
  void operator()(std::span<const std::byte> bytes) { crc_.process_bytes(bytes.data(), bytes.size()); }
  std::uint32_t value() const { return crc_.checksum(); }

 private:
  boost::crc_32_type crc_;
};

/// A checksum as eight hexadecimal digits.
inline std::string hexadecimal(std::uint32_t crc) {
  std::string digits(8, '0');
  for (std::size_t i = digits.size(); i-- > 0; crc >>= 4)
    digits[i] = "0123456789abcdef"[crc & 15U];
  return digits;
}

/// CRC-32 of a file, read through a window, as eight hexadecimal digits.
inline std::string crc32_of_file(const std::filesystem::path& path) {
  file_window file(path);
  running_crc32 sum;
  file.for_each_run(0, 1, file.size(), [&](std::uint64_t, std::span<const std::byte> bytes) { sum(bytes); });
  return hexadecimal(sum.value());
}

}  // namespace qfa

#endif
