#pragma once
#include <cstring>
#include <map>
#include <string>

#include "harness/base/files.hpp"
#include "tests/support/support.hpp"

namespace touchstone::testing {

/// The archive of real recordings that a development checkout has, below shared_folder().
inline constexpr const char* spoken_digits = "data/fsdd_speech/fsdd_takes_0_14.tar.gz";

/// The files of a .tar.gz by name. A header has 512 bytes: the name first, the size in octal digits at byte 124, the
/// kind at 156; contents are filled up to a multiple of 512 bytes.
inline std::map<std::string, std::string> read_tar(const std::filesystem::path& archive) {
  const auto bytes = read_text_file(archive);
  std::map<std::string, std::string> files;
  for (std::size_t at = 0; at + 512 <= bytes.size() && bytes[at] != '\0';) {
    const auto size = std::stoul(bytes.substr(at + 124, 11), nullptr, 8);
    const std::string name = bytes.c_str() + at;
    if (bytes[at + 156] == '0') files[name] = bytes.substr(at + 512, size);
    at += 512 + (size + 511) / 512 * 512;
  }
  return files;
}

}  // namespace touchstone::testing
