#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace touchstone::testing {

/// The folder with real benchmark data and models that lies beside a development checkout; none on a bare clone.
/// $TOUCHSTONE_SHARED names another.
std::optional<std::filesystem::path> shared_folder();

/// shared_folder() / relative, or none when it is not there.
std::optional<std::filesystem::path> shared(const std::string& relative);

/// A fresh folder that is removed with everything in it when the object goes.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Compares with tests/golden/NAME, which a reference implementation wrote.
void expect_golden(const std::string& name, const std::string& text);

/// Compares with tests/snapshot/NAME, which the program itself wrote: it shows what a change does to its output and
/// says nothing of whether that is right. TOUCHSTONE_UPDATE_SNAPSHOTS=1 rewrites the file instead.
void expect_snapshot(const std::string& name, const std::string& text);

}  // namespace touchstone::testing

/// Gives the path, or skips the test with a reason where the real data is absent.
#define TOUCHSTONE_SHARED_OR_SKIP(variable, relative)                                                 \
  const auto variable##_found = ::touchstone::testing::shared(relative);                              \
  if (!variable##_found) GTEST_SKIP() << "needs real data that a bare clone has not: " << (relative); \
  const auto variable = *variable##_found
