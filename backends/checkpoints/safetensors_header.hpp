#pragma once
// The header of a safetensors file: 8 bytes of length, JSON, then the tensors' bytes without gaps. No tensor library
// here.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone {

/// One tensor of a file.
struct TensorEntry {
  std::string name;
  std::string dtype;  ///< as the file writes it: "F32", "BF16", ...
  std::vector<std::int64_t> shape;
  std::uint64_t first = 0;  ///< bytes [first, last) of the file, counted from its beginning
  std::uint64_t last = 0;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Longest header that is read, as in the reference implementation.
inline constexpr std::uint64_t max_header_bytes = 100'000'000;

/// Bytes of one element; 0 for a dtype that the format does not know.
std::uint64_t dtype_bytes(std::string_view dtype);

/// Length of the JSON text, from the first 8 bytes of a file of `file_bytes`. Throws Fault::checkpoint when it is
/// impossible.
std::uint64_t safetensors_header_bytes(std::string_view start, std::uint64_t file_bytes, const std::string& where);

/// Reads the JSON text. The tensors fill the rest of the file exactly: no overlap, no gap, no byte left over, and sizes
/// that follow from dtype and shape. Throws Fault::checkpoint naming `where`, the key, the value found and the value
/// expected.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t file_bytes, const std::string& where);

}  // namespace touchstone
