#pragma once
#include <filesystem>
#include <memory>

#include "backends/checkpoints/safetensors_header.hpp"
#include "harness/model/checkpoint.hpp"

namespace touchstone {

/// A safetensors file mapped into memory. Opening it checks the whole header; tensors are read when asked for.
class SafetensorsFile {
 public:
  /// Throws Fault::checkpoint: not a regular file, unreadable, or anything that parse_safetensors_header refuses.
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;

  const SafetensorsHeader& header() const;
  const std::filesystem::path& path() const;
  std::string_view bytes(const TensorEntry& entry) const;
  /// A copy of the tensor, in the file's dtype. Throws Fault::checkpoint for a dtype that LibTorch cannot compute with
  /// here.
  Tensor tensor(const TensorEntry& entry) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes one safetensors file, not atomically: large dtypes first, then by name, as the reference implementation
/// orders them. Tensors may lie on any device. Throws Fault::store with the system's reason.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata);

/// Bytes that the tensor has in a file.
std::uint64_t tensor_bytes(const Tensor& tensor);

/// The format's name of a dtype ("BF16"). Throws Fault::checkpoint when it has none.
std::string dtype_name(at::ScalarType dtype);

}  // namespace touchstone
