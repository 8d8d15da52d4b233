#pragma once
#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace touchstone {

/// SHA-256, fed in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& add(std::string_view bytes);
  Sha256& add(const void* bytes, std::size_t count);
  /// 64 lower-case hexadecimal digits. The object cannot be used afterwards.
  std::string hex();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string sha256(std::string_view bytes);

/// Throws Fault::data when the file cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace touchstone
