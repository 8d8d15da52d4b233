#pragma once
// Internal to the store: SQLite's modes, locks and error codes are known only here.
#include <SQLiteCpp/SQLiteCpp.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace touchstone {

/// One SQLite connection that several threads may share: one call at a time.
class Connection {
 public:
  Connection(const std::filesystem::path& path, bool read_only);
  /// Throws what opening for writing would throw. It changes nothing: neither makes the file nor writes to it.
  static void check(const std::filesystem::path& path);

  /// Runs `work(database)` inside one IMMEDIATE transaction: all of it is stored, or nothing.
  template <class Work>
  auto write(const Work& work) {
    const std::lock_guard<std::mutex> lock(mutex_);
    refuse_when_read_only();
    errno = 0;  // fail() reads it
    try {
      SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
      if constexpr (std::is_void_v<decltype(work(*database_))>) {
        work(*database_);
        transaction.commit();
      } else {
        auto result = work(*database_);
        transaction.commit();
        return result;
      }
    } catch (const SQLite::Exception& failure) {
      fail(failure);
    }
  }

  /// Runs `work(database)` on one snapshot.
  template <class Work>
  auto read(const Work& work) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    try {
      SQLite::Transaction transaction(*database_);
      return work(*database_);
    } catch (const SQLite::Exception& failure) {
      fail(failure);
    }
  }

 private:
  void open(const std::filesystem::path& path);
  void open_unchanging(const std::filesystem::path& path);
  void create(const std::filesystem::path& path);
  void settle();
  void refuse_when_read_only() const;
  [[noreturn]] void fail(const SQLite::Exception& failure) const;

  std::string file_;  ///< the file's name without its folders, for messages
  bool read_only_ = false;
  std::unique_ptr<SQLite::Database> database_;
  mutable std::mutex mutex_;
};

/// Binds values to a statement one after the other; run() executes it and makes it ready for the next row.
class Binder {
 public:
  explicit Binder(SQLite::Statement& statement) : statement_(&statement) {}
  Binder& add(std::int64_t value) {
    return bound([&](int at) { statement_->bind(at, value); });
  }
  Binder& add(int value) { return add(std::int64_t{value}); }
  Binder& add(bool value) { return add(std::int64_t{value ? 1 : 0}); }
  Binder& add(double value) {
    return bound([&](int at) { statement_->bind(at, value); });
  }  ///< nan becomes NULL
  /// The text must stay valid until run().
  Binder& add(const std::string& value) {
    return bound([&](int at) { statement_->bindNoCopy(at, value); });
  }
  Binder& add(const char* value) = delete;
  Binder& null() {
    return bound([&](int at) { statement_->bind(at); });
  }
  /// Our rows use 0 for "none"; the database uses NULL.
  Binder& reference(std::int64_t id) { return id == 0 ? null() : add(id); }
  void run() {
    statement_->exec();
    statement_->reset();
    at_ = 0;
  }

 private:
  template <class Bind>
  Binder& bound(const Bind& bind) {
    bind(++at_);
    return *this;
  }
  SQLite::Statement* statement_;
  int at_ = 0;
};

/// A REAL column; NULL is nan.
double real(const SQLite::Column& column);

/// "2026-01-31T12:00:00Z".
std::string utc_now();

/// The name of a network file system by its statfs magic number; null for local ones. SQLite's write-ahead log needs
/// shared memory and locks between processes. Network file systems do not give these reliably (sqlite.org/wal.html,
/// section 1).
const char* network_file_system(std::int64_t statfs_type);

}  // namespace touchstone
