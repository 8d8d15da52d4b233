#include "harness/store/connection.hpp"

#include <sqlite3.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <limits>
#include <system_error>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/store/schema.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

constexpr int busy_milliseconds = 60'000;

bool means_full_disk(int code, int system_error) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  return (code & 0xff) == SQLITE_IOERR && (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
}

constexpr const char* not_stored =
    "; this result was not stored, all earlier ones are safe; make room and run the same command again";

[[noreturn]] void explain(const std::string& file, int code, int system_error, const std::string& words) {
  const auto say = [&](const std::string& text) -> Error { return {Fault::store, file + ": " + text}; };
  if (means_full_disk(code, system_error)) {
    const bool limited = system_error == EFBIG;
    throw say((limited ? "the limit on file sizes is reached (ulimit -f)" : "the disk is full") +
              std::string(not_stored));
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw say("another process has kept the database locked for " + std::to_string(busy_milliseconds / 1000) +
                " s; this result was not stored");
    case SQLITE_NOTADB:
      throw say("not a SQLite database; name another file");
    case SQLITE_CORRUPT:
      throw say("the database is damaged (" + words + "); keep a copy, then try `sqlite3 FILE .recover`");
    case SQLITE_READONLY:
      throw say("the file or its folder may not be written; this result was not stored");
    case SQLITE_CANTOPEN:
      throw say("cannot be opened (" + (system_error == 0 ? words : std::string(std::strerror(system_error))) + ")");
    case SQLITE_IOERR:
      throw say("reading or writing failed (" + (system_error == 0 ? words : std::string(std::strerror(system_error))) +
                ")");
    default:
      throw say(words);
  }
}

void refuse_network(const fs::path& folder, const std::string& file) {
  struct statfs info {};
  if (statfs(folder.c_str(), &info) != 0) return;  // opening the file will say what is wrong
  const char* kind = network_file_system(static_cast<std::int64_t>(info.f_type));
  require(kind == nullptr, Fault::store, [&] {
    return file + ": lies on a network file system (" + kind +
           "), where SQLite's write-ahead log can lose results; name a file on a local disk";
  });
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

void refuse_kind(const fs::path& path, const std::string& file) {
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  require(!fs::is_directory(status), Fault::store, [&] { return file + ": is a folder, expected a database file"; });
  require(!fs::exists(status) || fs::is_regular_file(status), Fault::store,
          [&] { return file + ": is not a regular file, expected a database file"; });
}

void refuse_folder(const fs::path& path, const std::string& file) {
  std::error_code ignored;
  require(fs::is_directory(folder_of(path), ignored), Fault::store,
          [&] { return path.string() + ": its folder does not exist"; });
  refuse_network(folder_of(path), file);
}

std::string uri_of(const fs::path& path) {
  std::string uri = "file:";
  for (const char letter : fs::absolute(path).string()) {
    if (letter == '%' || letter == '?' || letter == '#') {
      constexpr const char* digits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(letter);
      uri += {'%', digits[byte >> 4], digits[byte & 15]};
    } else {
      uri += letter;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

const char* network_file_system(std::int64_t statfs_type) {
  struct Kind {
    std::uint32_t magic;
    const char* name;
  };
  static constexpr std::array<Kind, 13> kinds{{{0x6969, "NFS"},
                                               {0x517b, "SMB"},
                                               {0xfe534d42, "SMB2"},
                                               {0xff534d42, "CIFS"},
                                               {0x47504653, "GPFS"},
                                               {0x0bd00bd0, "Lustre"},
                                               {0x19830326, "BeeGFS"},
                                               {0x00c36400, "Ceph"},
                                               {0xaad7aaea, "PanFS"},
                                               {0x01161970, "GFS2"},
                                               {0x7461636f, "OCFS2"},
                                               {0x5346414f, "AFS"},
                                               {0x73757245, "Coda"}}};
  for (const auto& kind : kinds) {
    if (kind.magic == static_cast<std::uint32_t>(statfs_type)) return kind.name;
  }
  return nullptr;
}

double real(const SQLite::Column& column) {
  return column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble();
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 24> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

Connection::Connection(const fs::path& path, bool read_only) : file_(path.filename().string()), read_only_(read_only) {
  refuse_kind(path, file_);
  try {
    if (read_only) {
      std::error_code ignored;
      require(fs::exists(path, ignored), Fault::store, [&] { return path.string() + ": there is no such database"; });
      open(path);
    } else {
      refuse_folder(path, file_);
      create(path);
    }
  } catch (const SQLite::Exception& failure) {
    if (database_) fail(failure);
    explain(file_, failure.getErrorCode(), 0, failure.what());
  }
}

void Connection::check(const fs::path& path) {
  const auto file = path.filename().string();
  refuse_kind(path, file);
  refuse_folder(path, file);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  try {
    // As in open(): reading in a writer's mode leaves no side files behind.
    SQLite::Database database(path.string(), SQLite::OPEN_READWRITE, busy_milliseconds);
    database.exec("PRAGMA query_only = ON");
    schema_version(database, migrations(), file);
  } catch (const SQLite::Exception& failure) {
    explain(file, failure.getErrorCode(), 0, failure.what());
  }
}

void Connection::open(const fs::path& path) {
  try {
    // Opened as a writer, so that SQLite removes the log's side files as after any other use; query_only guards data.
    database_ = std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READWRITE, busy_milliseconds);
    database_->exec("PRAGMA query_only = ON");
    settle();
    check_schema(*database_, migrations(), file_);
  } catch (const SQLite::Exception& failure) {
    const int code = failure.getErrorCode() & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY) throw;
    open_unchanging(path);
  }
}

/// For a folder that may not be written: SQLite cannot make the shared memory of its log there.
void Connection::open_unchanging(const fs::path& path) {
  std::error_code ignored;
  auto log = path;
  log += "-wal";
  const auto pending = fs::file_size(log, ignored);
  require(ignored || pending == 0, Fault::store, [&] {
    return file_ + ": has results in " + log.filename().string() +
           " that can be read only where its folder may be written; copy both files to another folder";
  });
  database_ =
      std::make_unique<SQLite::Database>(uri_of(path), SQLite::OPEN_READONLY | SQLite::OPEN_URI, busy_milliseconds);
  settle();
  check_schema(*database_, migrations(), file_);
}

void Connection::create(const fs::path& path) {
  database_ = std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                 busy_milliseconds);
  settle();
  schema_version(*database_, migrations(), file_);  // checks before any change: a foreign file stays as it is
  // SQLite does not wait for other processes that change the mode at the same time; this loop does.
  for (int waited = 0;; ++waited) {
    try {
      const std::string mode = database_->execAndGet("PRAGMA journal_mode = WAL").getString();
      // A database in memory (":memory:") ends with its connection and needs no log.
      require(mode == "wal" || mode == "memory", Fault::store, [&] {
        return file_ + ": its file system has no write-ahead log (journal mode stayed '" + mode +
               "'); name a file on a local disk";
      });
      break;
    } catch (const SQLite::Exception& failure) {
      if ((failure.getErrorCode() & 0xff) != SQLITE_BUSY || waited >= busy_milliseconds / 5) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  migrate(*database_, migrations(), file_);
}

/// Settings of a connection; none of them is stored in the file.
void Connection::settle() {
  database_->exec(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -32768;"
      "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY");
  sqlite3_db_config(database_->getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
}

void Connection::refuse_when_read_only() const {
  require(!read_only_, Fault::internal, [&] { return file_ + ": was opened for reading only"; });
}

void Connection::fail(const SQLite::Exception& failure) const {
  const int last = errno;
  // SQLite keeps the system's error number of a statement, but not that of a COMMIT; then it is still in errno.
  const int kept = sqlite3_system_errno(database_->getHandle());
  explain(file_, failure.getErrorCode(), kept == 0 ? last : kept, failure.what());
}

}  // namespace touchstone
