#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace touchstone {

/// Memory for kernels, aligned to 64 bytes.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::int64_t bytes) : bytes_(static_cast<std::size_t>((bytes + 63) / 64 * 64)) {
    if (bytes_ == 0) return;
    data_.reset(std::aligned_alloc(64, bytes_));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  void* data() const { return data_.get(); }
  float* floats() const { return static_cast<float*>(data_.get()); }
  std::int64_t bytes() const { return static_cast<std::int64_t>(bytes_); }
  void clear() {
    if (bytes_ > 0) std::memset(data_.get(), 0, bytes_);
  }
  /// At least this many bytes; what was in it may be lost.
  void reserve(std::int64_t wanted) {
    if (wanted > bytes()) *this = Memory(wanted);
  }

 private:
  struct Free {
    void operator()(void* data) const { std::free(data); }
  };
  std::size_t bytes_ = 0;
  std::unique_ptr<void, Free> data_;
};

}  // namespace touchstone
