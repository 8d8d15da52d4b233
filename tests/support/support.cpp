#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace touchstone::testing {
namespace fs = std::filesystem;

std::optional<fs::path> shared_folder() {
  if (const char* named = std::getenv("TOUCHSTONE_SHARED")) return fs::path(named);
  const auto beside = fs::path(TOUCHSTONE_SOURCE_DIR).parent_path() / "shared";
  if (fs::is_directory(beside / "data")) return beside;
  return std::nullopt;
}

std::optional<fs::path> shared(const std::string& relative) {
  const auto folder = shared_folder();
  if (!folder || !fs::exists(*folder / relative)) return std::nullopt;
  return *folder / relative;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "touchstone-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

namespace {

void expect_file(const fs::path& path, const std::string& text) {
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << "no file " << path;
  std::stringstream wanted;
  wanted << file.rdbuf();
  EXPECT_EQ(text, wanted.str());
}

}  // namespace

void expect_golden(const std::string& name, const std::string& text) {
  expect_file(fs::path(TOUCHSTONE_SOURCE_DIR) / "tests" / "golden" / name, text);
}

void expect_snapshot(const std::string& name, const std::string& text) {
  const auto path = fs::path(TOUCHSTONE_SOURCE_DIR) / "tests" / "snapshot" / name;
  if (std::getenv("TOUCHSTONE_UPDATE_SNAPSHOTS") != nullptr) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  expect_file(path, text);
}

}  // namespace touchstone::testing
