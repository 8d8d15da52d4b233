// Headers of weight files: the first 8 bytes say how long the JSON is, and how long the file is comes out of the rest.
#include "backends/checkpoints/safetensors_header.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view file) {
    const auto length = touchstone::safetensors_header_bytes(file.substr(0, 8), file.size(), "input");
    const auto header = touchstone::parse_safetensors_header(file.substr(8, length), file.size(), "input");
    for (const auto& tensor : header.tensors) {
      if (tensor.first > tensor.last || tensor.last > file.size() || tensor.first < 8 + length) __builtin_trap();
    }
  });
}
