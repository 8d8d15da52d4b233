#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/descriptor.hpp"

namespace touchstone {

/// The whole file. Throws Fault::data when it is missing, no regular file, longer than `limit_bytes`, or unreadable.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{1} << 30);

/// The file, gunzipped when its name ends in ".gz". `limit_bytes` bounds the unpacked text, so a zip bomb ends early.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{1} << 30);

/// Throws Fault::store when no file can be made in the path's folder. For use before long work that writes there.
void require_writable(const std::filesystem::path& path);

/// Writes beside the target, flushes to disk, then renames: a reader sees the old file or the whole new one, whatever
/// happens in between. Throws Fault::store with the path and the system's reason (a full disk, say).
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// A folder that becomes visible under its name only at commit(). Until then, or when commit() is never called,
/// nothing stands under that name. Commit flushes every file and the folder to disk, and replaces an older folder of
/// the same name.
class FolderWriter {
 public:
  explicit FolderWriter(std::filesystem::path target);
  ~FolderWriter();
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;
  /// Where to write the files for now.
  const std::filesystem::path& path() const { return pending_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path pending_;
  bool committed_ = false;
};

/// Locks a folder (made when absent) against other processes while it lives. Throws Fault::store when it is locked.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);

 private:
  Descriptor file_;
};

}  // namespace touchstone
