#include "harness/base/hash.hpp"

#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "harness/base/error.hpp"

namespace touchstone {

struct Sha256::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Impl() {
    require(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1, Fault::internal,
            "cannot start a SHA-256 digest");
  }
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::~Sha256() = default;

Sha256& Sha256::add(const void* bytes, std::size_t count) {
  EVP_DigestUpdate(impl_->context, bytes, count);
  return *this;
}

Sha256& Sha256::add(std::string_view bytes) { return add(bytes.data(), bytes.size()); }

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(impl_->context, digest.data(), &length);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 15U];
  }
  return text;
}

std::string sha256(std::string_view bytes) { return Sha256().add(bytes).hex(); }

std::string sha256_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  require(static_cast<bool>(file), Fault::data,
          [&] { return path.string() + ": cannot be opened for reading: " + std::strerror(errno); });
  Sha256 digest;
  std::vector<char> buffer(std::size_t{1} << 20U);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0) {
    digest.add(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  require(file.eof(), Fault::data, [&] { return path.string() + ": reading failed half-way"; });
  return digest.hex();
}

}  // namespace touchstone
