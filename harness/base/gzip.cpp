#include "harness/base/gzip.hpp"

#include <zlib.h>

#include "harness/base/error.hpp"

namespace touchstone {

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int gzip_header = 16;
  const bool ready =
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + gzip_header, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  require(ready, Fault::internal, "zlib cannot begin to compress");
  std::string packed;
  std::string buffer(std::size_t{1} << 18U, '\0');
  constexpr std::size_t most = std::size_t{1} << 30U;  // zlib counts a piece's bytes in 32 bits
  int state = Z_OK;
  while (state == Z_OK) {
    const auto piece = bytes.substr(0, most);
    bytes.remove_prefix(piece.size());
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<uInt>(buffer.size());
      state = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
      packed.append(buffer, 0, buffer.size() - stream.avail_out);
    } while (state == Z_OK && stream.avail_out == 0);
  }
  deflateEnd(&stream);
  require(state == Z_STREAM_END, Fault::internal, [&] { return "zlib gave " + std::to_string(state); });
  return packed;
}

}  // namespace touchstone
