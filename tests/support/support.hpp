#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace touchstone::testing {

/// The folder with real benchmark data and models beside a development checkout; none on a bare clone.
/// $TOUCHSTONE_SHARED names another.
std::optional<std::filesystem::path> shared_folder();

/// shared_folder() / relative, or none when it does not exist.
std::optional<std::filesystem::path> shared(const std::string& relative);

/// A fresh folder; the destructor removes it with everything in it.
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

/// Compares with tests/golden/NAME, a file written by a reference implementation.
void expect_golden(const std::string& name, const std::string& text);

/// Compares with tests/snapshot/NAME, a file written by the program itself. It shows how a change affects the output,
/// not whether that is right. TOUCHSTONE_UPDATE_SNAPSHOTS=1 rewrites the file instead.
void expect_snapshot(const std::string& name, const std::string& text);

}  // namespace touchstone::testing

/// Gives the path, or skips the test with a reason when the real data is missing.
#define TOUCHSTONE_SHARED_OR_SKIP(variable, relative)                                                 \
  const auto variable##_found = ::touchstone::testing::shared(relative);                              \
  if (!variable##_found) GTEST_SKIP() << "needs real data that a bare clone has not: " << (relative); \
  const auto& variable = *variable##_found
