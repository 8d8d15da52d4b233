#include "harness/base/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>

#include "harness/base/error.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

std::string reason() { return std::strerror(errno); }

/// Throws the error for a system call on `path` that has just failed.
[[noreturn]] void fail(Fault fault, const fs::path& path, const std::string& what) {
  throw Error(fault, path.string() + ": " + what + ": " + reason());
}

void flush(const fs::path& path, int flags) {
  const Descriptor file(::open(path.c_str(), flags | O_CLOEXEC));
  if (file.get() < 0) fail(Fault::store, path, "cannot be opened to flush it to disk");
  if (::fsync(file.get()) != 0) fail(Fault::store, path, "cannot be flushed to disk");
}

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(Fault::store, path, "cannot be written");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void too_long(const fs::path& path, std::uint64_t limit) {
  throw Error(Fault::data, path.string() + ": is longer than " + std::to_string(limit) + " bytes, the limit");
}

std::string gunzip_file(const fs::path& path, std::uint64_t limit) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) fail(Fault::data, path, "cannot be opened for reading");
  std::string text;
  std::string buffer(std::size_t{1} << 18U, '\0');
  int got = 0;
  while ((got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0) {
    text.append(buffer, 0, static_cast<std::size_t>(got));
    if (text.size() > limit) {
      gzclose(file);
      too_long(path, limit);
    }
  }
  int code = Z_OK;
  const std::string message = gzerror(file, &code);
  const bool whole = gzclose(file) == Z_OK;
  require(got == 0 && code >= 0 && whole, Fault::data,
          [&] { return path.string() + ": is not a whole gzip file" + (message.empty() ? "" : ": " + message); });
  return text;
}

}  // namespace

std::string read_file(const fs::path& path, std::uint64_t limit_bytes) {
  // O_NONBLOCK: a FIFO must not hang the program before it is refused.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail(Fault::data, path, "cannot be opened for reading");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(Fault::data, path, "cannot be examined");
  require(S_ISREG(status.st_mode), Fault::data, [&] { return path.string() + ": is not a regular file"; });
  if (static_cast<std::uint64_t>(status.st_size) > limit_bytes) too_long(path, limit_bytes);
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const auto got = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(Fault::data, path, "cannot be read");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

std::string read_text_file(const fs::path& path, std::uint64_t limit_bytes) {
  if (path.extension() == ".gz") return gunzip_file(path, limit_bytes);
  return read_file(path, limit_bytes);
}

void require_writable(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(Fault::store, path, "cannot be created");
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::string pending = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
  const Descriptor file(::mkostemp(pending.data(), O_CLOEXEC));
  if (file.get() < 0) fail(Fault::store, path, "cannot be created");
  try {
    if (::fchmod(file.get(), 0644) != 0) fail(Fault::store, path, "cannot be given its access rights");
    write_all(file.get(), bytes, path);
    if (::fsync(file.get()) != 0) fail(Fault::store, path, "cannot be flushed to disk");
    if (::rename(pending.c_str(), path.c_str()) != 0) fail(Fault::store, path, "cannot be put in place");
  } catch (...) {
    ::unlink(pending.c_str());
    throw;
  }
  flush(folder, O_RDONLY | O_DIRECTORY);
}

FolderWriter::FolderWriter(fs::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  const fs::path parent = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  std::error_code failed;
  fs::create_directories(parent, failed);
  if (failed) throw Error(Fault::store, parent.string() + ": cannot be created: " + failed.message());
  std::string pending = (parent / ("." + target_.filename().string() + ".XXXXXX")).string();
  if (::mkdtemp(pending.data()) == nullptr) fail(Fault::store, target_, "cannot be created");
  pending_ = pending;
  ::chmod(pending_.c_str(), 0755);
}

FolderWriter::~FolderWriter() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(pending_, ignored);
}

void FolderWriter::commit() {
  for (const auto& entry : fs::recursive_directory_iterator(pending_)) {
    flush(entry.path(), entry.is_directory() ? O_RDONLY | O_DIRECTORY : O_RDONLY);
  }
  flush(pending_, O_RDONLY | O_DIRECTORY);
  fs::path old;
  if (fs::exists(target_)) {
    // A folder cannot be renamed over one that holds files: step aside first, remove last.
    old = pending_;
    old += ".old";
    if (::rename(target_.c_str(), old.c_str()) != 0) fail(Fault::store, target_, "cannot be replaced");
  }
  if (::rename(pending_.c_str(), target_.c_str()) != 0) {
    const auto why = reason();
    if (!old.empty()) ::rename(old.c_str(), target_.c_str());
    throw Error(Fault::store, target_.string() + ": cannot be put in place: " + why);
  }
  committed_ = true;
  flush(target_.has_parent_path() ? target_.parent_path() : fs::path("."), O_RDONLY | O_DIRECTORY);
  std::error_code ignored;
  if (!old.empty()) fs::remove_all(old, ignored);
}

FolderLock::FolderLock(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw Error(Fault::store, folder.string() + ": cannot be created: " + failed.message());
  const auto path = folder / ".lock";
  file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file_.get() < 0) fail(Fault::store, path, "cannot be created");
  require(::flock(file_.get(), LOCK_EX | LOCK_NB) == 0, Fault::store, [&] {
    return folder.string() + ": another touchstone is at work in it: wait for it, or name another folder";
  });
}

}  // namespace touchstone
