// What happens to stored results when something goes wrong: a full disk, a limit on file sizes, no permission, several
// writers, a kill in the middle of a write, and files that are not this program's. Real processes, real limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "tests/store/fixture.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the fixture's builders
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

/// Another process that runs `body`, and a pipe from it to the test.
class Child {
 public:
  explicit Child(const std::function<void(int)>& body) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    id_ = fork();
    if (id_ == 0) {
      close(ends[0]);
      try {
        body(ends[1]);
      } catch (const std::exception& error) {
        say(ends[1], error.what());
        _exit(1);
      }
      _exit(0);
    }
    close(ends[1]);
    from_ = ends[0];
  }
  ~Child() {
    kill();
    close(from_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  static void say(int to, const std::string& text) {
    if (::write(to, text.data(), text.size()) < 0) _exit(9);
  }
  void kill() {
    if (id_ > 0) ::kill(id_, SIGKILL);
    wait();
  }
  /// Everything that it says until it ends.
  std::string text() {
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(from_, buffer, sizeof buffer)) > 0;) {
      all.append(buffer, static_cast<std::size_t>(got));
    }
    wait();
    return all;
  }
  int exit_code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }

 private:
  void wait() {
    if (id_ > 0) waitpid(id_, &status_, 0);
    id_ = -1;
  }
  pid_t id_ = -1;
  int from_ = -1;
  int status_ = 0;
};

bool always(int) { return true; }

/// Stores one measure of `items` samples under `key`.
void add(Store& store, const std::string& key, int items) {
  store.add_measure(key, store.model(model_row("weights", "base")), store.environment(environment()),
                    task_measure("toy", items, always), {}, engine(), 0.5);
}

/// What SQLite itself says of the file.
std::string integrity(const fs::path& path) {
  sqlite3* database = nullptr;
  std::string answer;
  EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  const auto take = [](void* to, int, char** values, char**) {
    *static_cast<std::string*>(to) += values[0];
    return 0;
  };
  sqlite3_exec(database, "PRAGMA integrity_check; PRAGMA foreign_key_check", take, &answer, nullptr);
  sqlite3_close(database);
  return answer;
}

void run_sql(const fs::path& path, const char* text) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, text, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

/// The message with which opening `path` is refused.
std::string refusal(const fs::path& path, Store::Open open = Store::Open::create) {
  try {
    const Store store(path, open);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::store);
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "was opened";
}

class StoreFaults : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "results.sqlite";

  /// Every key that a child acknowledged is there, whole, and nothing half is.
  void expect_whole(const fs::path& path, const std::vector<std::string>& keys, std::size_t items) {
    EXPECT_EQ(integrity(path), "ok");
    const Store store(path);
    for (const auto& key : keys) {
      const auto found = store.find_measure(key);
      ASSERT_TRUE(found) << key << " was acknowledged and is gone";
      EXPECT_EQ(store.samples(*found).size(), items) << key;
    }
    for (const auto& row : store.measures()) EXPECT_EQ(store.samples(row.id).size(), items) << row.id;
  }
};

/// Stores measures until one is refused; acknowledges each, then says why the last was not stored.
void fill(const fs::path& path, int to) {
  Store store(path);
  for (int number = 0; number < 10000; ++number) {
    const auto key = "key" + std::to_string(number);
    try {
      add(store, key, 20);
    } catch (const Error& error) {
      Child::say(to, std::string("refused: ") + error.what());
      return;
    }
    Child::say(to, key + "\n");
  }
}

/// The acknowledged keys before "refused: ", and the message after it.
struct Filled {
  std::vector<std::string> keys;
  std::string message;
};
Filled filled(const std::string& text) {
  Filled all;
  std::size_t at = 0;
  for (auto end = text.find('\n'); end != std::string::npos && text.compare(at, 3, "key") == 0;
       end = text.find('\n', at)) {
    all.keys.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  all.message = text.substr(at);
  return all;
}

/// Mounts a file system of two megabytes there, seen by this process alone; false where that is not allowed.
bool mount_small(const fs::path& folder) {
  const auto user = std::to_string(geteuid());
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::ofstream("/proc/self/uid_map") << user << ' ' << user << " 1";
  }
  mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=2m,mode=0777,uid=" + user).c_str()) == 0;
}

TEST_F(StoreFaults, AFullDiskLosesNothing) {
  // The files are copied out before the file system goes with its process.
  const auto small = folder_.path() / "small";
  fs::create_directory(small);
  Child child([&](int to) {
    if (!mount_small(small)) _exit(77);
    fill(small / "results.sqlite", to);
    for (const auto& entry : fs::directory_iterator(small)) {
      fs::copy_file(entry.path(), folder_.path() / entry.path().filename());
    }
  });
  const auto said = filled(child.text());
  if (child.exit_code() == 77) GTEST_SKIP() << "a file system of the test's own cannot be mounted here";
  ASSERT_EQ(child.exit_code(), 0) << said.message;
  EXPECT_GT(said.keys.size(), 5U);
  EXPECT_THAT(said.message, AllOf(HasSubstr("results.sqlite: "), HasSubstr("disk is full"), HasSubstr("not stored"),
                                  HasSubstr("same command again"), Not(HasSubstr("\n"))));
  expect_whole(path_, said.keys, 20);
}

TEST_F(StoreFaults, ALimitOnFileSizesLosesNothing) {
  Child child([&](int to) {
    std::signal(SIGXFSZ, SIG_IGN);  // as the program does
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    fill(path_, to);
  });
  const auto said = filled(child.text());
  ASSERT_EQ(child.exit_code(), 0) << said.message;
  EXPECT_GT(said.keys.size(), 5U);
  EXPECT_THAT(said.message, AllOf(HasSubstr("results.sqlite: "), HasSubstr("ulimit -f"), HasSubstr("not stored"),
                                  Not(HasSubstr("\n"))));
  expect_whole(path_, said.keys, 20);
  // With room again the same program goes on.
  Store store(path_);
  add(store, "after", 20);
  EXPECT_TRUE(store.find_measure("after"));
}

TEST_F(StoreFaults, KilledAtAnyMomentNothingAcknowledgedIsLost) {
  std::vector<std::string> all;
  for (int round = 0; round < 50; ++round) {
    Child child([&](int to) {
      Store store(path_);
      for (int number = 0;; ++number) {
        const auto key = "key" + std::to_string(round) + "/" + std::to_string(number);
        add(store, key, 10);
        Child::say(to, key + "\n");
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(10'000 + 1'300 * round));
    child.kill();
    auto said = filled(child.text());
    EXPECT_EQ(said.message, "");
    all.insert(all.end(), said.keys.begin(), said.keys.end());
  }
  EXPECT_GT(all.size(), 50U);
  expect_whole(path_, all, 10);
}

TEST_F(StoreFaults, SeveralProcessesWriteAtOnce) {
  constexpr int writers = 4;
  std::vector<std::unique_ptr<Child>> children;
  for (int writer = 0; writer < writers; ++writer) {
    children.push_back(std::make_unique<Child>([&, writer](int to) {
      Store store(path_);  // all four make the database at the same time
      for (int number = 0; number < 25; ++number) {
        const auto key = "key" + std::to_string(writer) + "/" + std::to_string(number);
        add(store, key, 10);
        add(store, "shared" + std::to_string(number), 10);  // all four store this one
        Child::say(to, key + "\n");
      }
    }));
  }
  Child reader([&](int to) {
    for (int round = 0; round < 50; ++round) {
      try {
        const Store store(path_, Store::Open::read_only);
        for (const auto& row : store.measures()) {
          if (store.samples(row.id).size() != 10) Child::say(to, "a half measure was read");
        }
      } catch (const Error& error) {  // before the writers have made it
        const std::string what = error.what();
        const bool early = what.find("no such database") != what.npos || what.find("empty database") != what.npos;
        if (!early) Child::say(to, what);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
  });
  std::vector<std::string> all;
  for (auto& child : children) {
    const auto said = filled(child->text());
    EXPECT_EQ(child->exit_code(), 0) << said.message;
    EXPECT_EQ(said.keys.size(), 25U) << said.message;
    all.insert(all.end(), said.keys.begin(), said.keys.end());
  }
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(reader.exit_code(), 0);
  expect_whole(path_, all, 10);
  const Store store(path_);
  EXPECT_EQ(store.measures().size(), 25U * (writers + 1));
  EXPECT_EQ(store.models().size(), 1U);
}

TEST_F(StoreFaults, AFileOrFolderWithoutPermissionIsSaidAndLeftAlone) {
  {
    Store store(path_);
    add(store, "before", 3);
  }
  chmod(folder_.path().c_str(), 0555);
  chmod(path_.c_str(), 0444);
  const auto as_anybody = [&](const std::function<void()>& body) {
    Child child([&](int to) {
      if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(77);  // root may do everything
      try {
        body();
      } catch (const Error& error) {
        Child::say(to, error.what());
      }
    });
    return child.text();
  };
  EXPECT_THAT(as_anybody([&] { add(*std::make_unique<Store>(path_), "after", 3); }),
              AllOf(HasSubstr("results.sqlite: "), HasSubstr("may not be written"), Not(HasSubstr("\n"))));
  EXPECT_THAT(as_anybody([&] { const Store store(folder_.path() / "new.sqlite"); }),
              AllOf(HasSubstr("new.sqlite: "), HasSubstr("cannot be opened"), Not(HasSubstr("\n"))));
  EXPECT_EQ(as_anybody([&] { EXPECT_EQ(Store(path_, Store::Open::read_only).measures().size(), 1U); }), "");
  chmod(path_.c_str(), 0000);
  EXPECT_THAT(as_anybody([&] { const Store store(path_, Store::Open::read_only); }),
              AllOf(HasSubstr("results.sqlite: "), HasSubstr("cannot be opened"), Not(HasSubstr("\n"))));
  chmod(folder_.path().c_str(), 0755);
  chmod(path_.c_str(), 0644);
  expect_whole(path_, {"before"}, 3);
}

TEST_F(StoreFaults, ANewerVersionIsRefusedAndLeftAlone) {
  {
    Store store(path_);
    add(store, "before", 3);
  }
  run_sql(path_, "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
  const auto bytes = read_file(path_);
  for (const auto open : {Store::Open::create, Store::Open::read_only}) {
    EXPECT_THAT(refusal(path_, open), AllOf(HasSubstr("results.sqlite: "), HasSubstr("schema version 99"),
                                            HasSubstr("newer"), HasSubstr("nothing was changed")));
  }
  EXPECT_TRUE(read_file(path_) == bytes) << "the file was changed";
}

TEST_F(StoreFaults, AnotherProgramsDatabaseIsRefusedAndLeftAlone) {
  run_sql(path_, "CREATE TABLE history (url TEXT); INSERT INTO history VALUES ('x')");
  const auto named = folder_.path() / "named.sqlite";
  run_sql(named, "PRAGMA application_id = 252006675; CREATE TABLE layer (x)");
  const auto versioned = folder_.path() / "versioned.sqlite";
  run_sql(versioned, "PRAGMA user_version = 1");
  for (const auto& path : {path_, named, versioned}) {
    const auto bytes = read_file(path);
    for (const auto open : {Store::Open::create, Store::Open::read_only}) {
      EXPECT_THAT(refusal(path, open), AllOf(HasSubstr(path.filename().string() + ": "), HasSubstr("another program"),
                                             HasSubstr("expected one of touchstone")));
    }
    EXPECT_TRUE(read_file(path) == bytes) << path << " was changed";
    EXPECT_FALSE(fs::exists(path.string() + "-wal"));
  }
}

TEST_F(StoreFaults, FilesThatAreNoDatabaseAreRefusedAndLeftAlone) {
  const std::string text(5000, 'x');
  write_file_atomically(path_, text);
  EXPECT_THAT(refusal(path_), AllOf(HasSubstr("results.sqlite: "), HasSubstr("not a SQLite database")));
  EXPECT_TRUE(read_file(path_) == text) << "the file was changed";
  EXPECT_THAT(refusal(folder_.path()), HasSubstr("is a folder, expected a database file"));
  EXPECT_THAT(refusal(folder_.path() / "none" / "r.sqlite"), HasSubstr("its folder does not exist"));
  const auto pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(refusal(pipe), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal(folder_.path() / "absent", Store::Open::read_only), HasSubstr("there is no such database"));
}

TEST_F(StoreFaults, ACutOrSpoiltDatabaseIsSaid) {
  {
    Store store(path_);
    for (int number = 0; number < 20; ++number) add(store, std::to_string(number), 20);
  }
  run_sql(path_, "PRAGMA wal_checkpoint(TRUNCATE)");
  const auto bytes = read_file(path_);
  for (const auto share : {0.1, 0.5, 0.9}) {
    write_file_atomically(path_, bytes.substr(0, static_cast<std::size_t>(share * static_cast<double>(bytes.size()))));
    try {
      Store store(path_);
      for (const auto& row : store.measures()) store.samples(row.id);
      add(store, "more", 20);
      ADD_FAILURE() << "a database cut to " << share << " was read and written without a word";
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::store);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("results.sqlite: "), HasSubstr("damaged"), Not(HasSubstr("\n"))));
    }
  }
}

}  // namespace
}  // namespace touchstone
