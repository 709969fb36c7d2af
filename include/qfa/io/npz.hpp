// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_NPZ_HPP
#define QFA_IO_NPZ_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zip.h>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/npy_header.hpp"

namespace qfa {

/// The arrays of a .npz file: a zip archive of `name.npy`, stored or deflated, of any length.  Entries of other names
/// are left alone; no entry's name is ever used as a path.  Throws for what is no such archive, and where arrays are
/// given twice or claim more bytes together than the file has.  Nothing is mapped: an array is read from the file when
/// it is asked for.
///
/// Needs libzip: link qfa::npz.  Reading from one object on several threads at once is not allowed.
class npz {
 public:
  /// Throws where the file cannot be opened or is no zip archive, and where it has an array twice.
  explicit npz(const std::filesystem::path& path) : size_(size_of_file(path)), where_(in_quotes(path)) {
    if (!std::ifstream(path, std::ios::binary)) fail("cannot open " + where_);
    zip_error_t problem;
    zip_error_init(&problem);
    // An archive of no bytes would be taken for an empty one.
    zip_source_t* const source = size_ == 0 ? nullptr : zip_source_file_create(path.string().c_str(), 0, -1, &problem);
    if (source != nullptr) archive_.reset(zip_open_from_source(source, ZIP_RDONLY, &problem));
    if (source != nullptr && archive_ == nullptr) zip_source_free(source);
    zip_error_fini(&problem);
    if (archive_ == nullptr) fail(where_ + " cannot be read as npz: it is no zip archive");
    list();
  }

  bool contains(std::string_view array) const { return entries_.find(array) != entries_.end(); }

  /// The names of all arrays, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : entries_)
      out.push_back(entry.first);
    return out;
  }

  /// Unpacks one array.  Throws, naming file and array, where there is none, and for what `parse_npy` refuses; the
  /// archive's check sum is verified, and no more memory is taken than the array's own header accounts for.
  npy_array read(std::string_view array) const {
    const auto found = entries_.find(array);
    if (found == entries_.end()) fail("there is no array " + in_quotes(array) + " in " + where_);
    const std::string what = "array " + in_quotes(array) + " in " + where_;
    const std::uint64_t size = unpacked_size(found->second, what);
    const std::unique_ptr<zip_file_t, closer> file(zip_fopen_index(archive_.get(), found->second, 0));
    if (file == nullptr) fail(what + " cannot be unpacked");

    // The header first, so that the array's size is known before there is room for it.
    std::vector<std::byte> head(size < 12 ? static_cast<std::size_t>(size) : 12);
    fill(*file, head, what);
    const detail::npy_preamble preamble = detail::parse_npy_preamble(head, what);
    const std::size_t begin = preamble.text_begin + preamble.text_bytes;
    if (begin > size) fail(what + " ends within its npy header");
    const std::size_t ahead = head.size();  // a short header of version 1 may end before the twelfth byte
    head.resize(begin > ahead ? begin : ahead);
    fill(*file, std::span(head).subspan(ahead), what);
    const npy_header header = parse_npy_header(head, what);
    if (header.data_bytes != size - begin)
      fail(what + " should hold " + std::to_string(header.data_bytes) + " bytes of array, but has " +
           std::to_string(size - begin));

    std::vector<std::byte> data(head.begin() + static_cast<std::ptrdiff_t>(begin), head.end());
    const std::size_t had = data.size();
    data.resize(header.data_bytes);
    fill(*file, std::span(data).subspan(had), what);
    std::byte beyond{};
    if (zip_fread(file.get(), &beyond, 1) != 0) fail(what + " does not match its check sum");  // checked at the end
    return detail::npy_in_order(header, std::move(data));
  }

 private:
  struct closer {
    void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
    void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
  };

  void list() {
    std::uint64_t room = size_;
    const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
    for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(count); ++i) {
      const char* const raw = zip_get_name(archive_.get(), i, ZIP_FL_ENC_RAW);
      if (raw == nullptr) fail(where_ + " cannot be read as npz: entry " + std::to_string(i) + " has no name");
      std::string_view entry = raw;
      if (!entry.ends_with(".npy")) continue;
      entry.remove_suffix(4);
      if (!entries_.emplace(entry, i).second)
        fail(where_ + " cannot be read as npz: it has the array " + in_quotes(entry) + " twice");
      // Entries may share their packed bytes: each within the ratio below, hundreds beyond any bound.
      const std::uint64_t packed = stat_of(i, "entry " + std::to_string(i) + " of " + where_).comp_size;
      if (packed > room) fail(where_ + " cannot be read as npz: its arrays claim more bytes together than it has");
      room -= packed;
    }
  }

  zip_stat_t stat_of(zip_uint64_t index, const std::string& what) const {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive_.get(), index, 0, &stat) != 0 || (stat.valid & needed) != needed)
      fail(what + " has no length");
    return stat;
  }

  /// What the archive says the entry unpacks to, after checking that it can.
  std::uint64_t unpacked_size(zip_uint64_t index, const std::string& what) const {
    const zip_stat_t stat = stat_of(index, what);
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
      fail(what + " is packed by method " + std::to_string(stat.comp_method) + ", but stored or deflated is needed");
    // A deflated block never unpacks to more than 1032 times its length: what claims more is lying.
    constexpr std::uint64_t best_ratio = 1032;
    const bool possible = stat.comp_method == ZIP_CM_STORE
                              ? stat.size == stat.comp_size
                              : stat.size / best_ratio + (stat.size % best_ratio == 0 ? 0U : 1U) <= stat.comp_size;
    if (!possible) fail(what + " claims a length that it cannot have");
    return stat.size;
  }

  static void fill(zip_file_t& file, std::span<std::byte> out, const std::string& what) {
    while (!out.empty()) {
      const zip_int64_t got = zip_fread(&file, out.data(), out.size());
      if (got <= 0) fail(what + " cannot be unpacked to its end");
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }

  std::uint64_t size_;
  std::string where_;
  std::unique_ptr<zip_t, closer> archive_;
  std::map<std::string, zip_uint64_t, std::less<>> entries_;
};

/// All arrays of a .npz file.
inline std::map<std::string, npy_array> read_npz(const std::filesystem::path& path) {
  const npz file(path);
  std::map<std::string, npy_array> out;
  for (const std::string& array : file.names())
    out.emplace(array, file.read(array));
  return out;
}

}  // namespace qfa

#endif
