#include "backends/checkpoints/safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "harness/base/descriptor.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

std::string system_reason() { return std::strerror(errno); }

std::optional<at::ScalarType> scalar_type(std::string_view dtype) {
  if (dtype == "F32") return at::kFloat;
  if (dtype == "BF16") return at::kBFloat16;
  if (dtype == "F16") return at::kHalf;
  if (dtype == "F64") return at::kDouble;
  if (dtype == "I64") return at::kLong;
  if (dtype == "I32") return at::kInt;
  if (dtype == "I16") return at::kShort;
  if (dtype == "I8") return at::kChar;
  if (dtype == "U8") return at::kByte;
  if (dtype == "BOOL") return at::kBool;
  return std::nullopt;
}

void write_all(int file, const char* data, std::size_t count, const std::filesystem::path& path) {
  while (count > 0) {
    const auto written = ::write(file, data, std::min<std::size_t>(count, std::size_t{1} << 30));
    if (written < 0 && errno == EINTR) continue;
    require(written > 0, Fault::store, [&] { return path.string() + ": cannot be written: " + system_reason(); });
    data += written;
    count -= static_cast<std::size_t>(written);
  }
}

/// The JSON text and its length before it, padded so that the data begins at a multiple of 8.
std::string header_text(const std::vector<const NamedTensors::value_type*>& order,
                        const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto* item : order) {
    const auto bytes = tensor_bytes(item->second);
    auto& entry = header[item->first];
    entry["dtype"] = dtype_name(item->second.scalar_type());
    entry["shape"] = item->second.sizes().vec();
    entry["data_offsets"] = {at, at + bytes};
    at += bytes;
  }
  auto json = header.dump();
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string text;
  for (auto length = json.size(), byte = std::size_t{0}; byte < 8; ++byte, length >>= 8) {
    text.push_back(static_cast<char>(length & 255));
  }
  return text + json;
}

}  // namespace

struct SafetensorsFile::Impl {
  std::filesystem::path path;
  void* memory = nullptr;
  std::size_t size = 0;
  SafetensorsHeader header;

  ~Impl() {
    if (memory != nullptr) ::munmap(memory, size);
  }
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : impl_(std::make_unique<Impl>()) {
  const auto where = path.string();
  impl_->path = path;
  // Without O_NONBLOCK a FIFO of that name would hang the program.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  require(file.get() >= 0, Fault::checkpoint, [&] { return where + ": cannot be opened: " + system_reason(); });
  struct stat info {};
  require(::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode), Fault::checkpoint,
          [&] { return where + ": is not a regular file"; });
  const auto size = static_cast<std::uint64_t>(info.st_size);
  require(size >= 8, Fault::checkpoint, [&] {
    return where + ": has " + std::to_string(size) + " bytes, expected at least 8: too few for a safetensors file";
  });
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  require(memory != MAP_FAILED, Fault::checkpoint,
          [&] { return where + ": cannot be mapped into memory: " + system_reason(); });
  impl_->memory = memory;
  impl_->size = size;
  const std::string_view all(static_cast<const char*>(memory), size);
  const auto header_bytes = safetensors_header_bytes(all.substr(0, 8), size, where);
  impl_->header = parse_safetensors_header(all.substr(8, header_bytes), size, where);
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;

const SafetensorsHeader& SafetensorsFile::header() const { return impl_->header; }
const std::filesystem::path& SafetensorsFile::path() const { return impl_->path; }

std::string_view SafetensorsFile::bytes(const TensorEntry& entry) const {
  return {static_cast<const char*>(impl_->memory) + entry.first, entry.last - entry.first};
}

Tensor SafetensorsFile::tensor(const TensorEntry& entry) const {
  const auto dtype = scalar_type(entry.dtype);
  require(dtype.has_value(), Fault::checkpoint, [&] {
    return impl_->path.string() + ": tensor '" + entry.name + "' has dtype " + entry.dtype +
           ", expected F32, BF16, F16, F64 or whole numbers";
  });
  auto result = at::empty(entry.shape, at::TensorOptions().dtype(*dtype));
  const auto source = bytes(entry);
  // A copy, not a view of the map: offsets need not be aligned, and writing to a view would end the program.
  if (!source.empty()) std::memcpy(result.data_ptr(), source.data(), source.size());
  return result;
}

std::uint64_t tensor_bytes(const Tensor& tensor) {
  return static_cast<std::uint64_t>(tensor.numel()) * static_cast<std::uint64_t>(tensor.element_size());
}

std::string dtype_name(at::ScalarType dtype) {
  for (const auto* name : {"F32", "BF16", "F16", "F64", "I64", "I32", "I16", "I8", "U8", "BOOL"}) {
    if (scalar_type(name) == dtype) return name;
  }
  throw Error(Fault::checkpoint, std::string("a safetensors file cannot hold the dtype ") + at::toString(dtype));
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensors::value_type*> order;
  for (const auto& item : tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return a->second.element_size() > b->second.element_size(); });
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  require(file.get() >= 0, Fault::store, [&] { return path.string() + ": cannot be written: " + system_reason(); });
  const auto header = header_text(order, metadata);
  write_all(file.get(), header.data(), header.size(), path);
  for (const auto* item : order) {
    const auto plain = item->second.detach().to(at::kCPU).contiguous();
    write_all(file.get(), static_cast<const char*>(plain.data_ptr()), tensor_bytes(plain), path);
  }
  require(::fsync(file.get()) == 0, Fault::store,
          [&] { return path.string() + ": cannot be flushed to disk: " + system_reason(); });
}

}  // namespace touchstone
