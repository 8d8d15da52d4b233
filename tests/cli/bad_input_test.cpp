// Every kind of bad input gives one line that names the place, and exit code 2; nothing is left half written. This file
// holds the test and what its tables share; the tables are in the files bad_*_test.cpp beside it.
#include "tests/cli/bad_input.hpp"

#include <cstdlib>
#include <iostream>
#include <map>

#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "tests/cli/command.hpp"
#include "tests/support/support.hpp"

namespace touchstone::testing {
namespace fs = std::filesystem;

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file_atomically(path, text);
}

fs::path carried_model() { return fs::path(TOUCHSTONE_SOURCE_DIR) / "models" / "stories260k"; }

Prepare plain(Words words) {
  return [list = std::move(words)](const fs::path&) { return list; };
}

Words eval_words(const fs::path& model) {
  return {"eval", "--model", model.string(), "--tasks", "gsm8k", "--limit", "1", "--quiet"};
}

Prepare checkpoint(const std::function<void(const fs::path&)>& spoil) {
  return [spoil](const fs::path& folder) {
    const auto model = folder / "model";
    fs::copy(carried_model(), model, fs::copy_options::recursive);
    spoil(model);
    return eval_words(model);
  };
}

Prepare json_with(const std::string& file, const std::string& key, const std::string& value) {
  return checkpoint([=](const fs::path& model) {
    auto config = read_json(model / file);
    if (value.empty()) {
      config.erase(key);
    } else {
      config[key] = Json::parse(value);
    }
    put(model / file, config.dump());
  });
}

Prepare file_with(const std::string& name, const std::string& text) {
  return checkpoint([=](const fs::path& model) { put(model / name, text); });
}

Prepare data_file(const std::string& file, const std::string& text, const std::string& task) {
  return [=](const fs::path& folder) {
    put(folder / "data" / file, text);
    return Words{"eval",    "--model", "stories260k", "--tasks", task,
                 "--shots", "0",       "--quiet",     "--data",  (folder / "data").string()};
  };
}

namespace {

/// Every entry below a folder by name: the hash of a file, where a link leads, or what kind it is.
std::map<std::string, std::string> content(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    auto& what = all[fs::relative(entry.path(), folder).string()];
    if (entry.is_symlink()) {
      what = "link to " + fs::read_symlink(entry.path()).string();
    } else {
      what = entry.is_regular_file() ? sha256_file(entry.path()) : "no file";
    }
  }
  return all;
}

TEST_P(BadInputs, GetsOneLineThatNamesThePlace) {
  const TemporaryFolder folder;
  const auto words = GetParam().prepare(folder.path());
  const auto before = content(folder.path());
  const auto result = touchstone_command(words);
  EXPECT_EQ(result.code, 2) << result.err;
  if (std::getenv("TOUCHSTONE_SHOW_MESSAGES") != nullptr) std::cerr << result.err;  // to read them all by eye
  const auto lines = split(std::string(rstrip(result.err)), '\n');
  EXPECT_EQ(lines.size(), 1U) << result.err;
  EXPECT_LT(result.err.size(), 700U) << result.err;
  for (const auto& piece : GetParam().says) {
    EXPECT_NE(result.err.find(piece), std::string::npos) << "no '" << piece << "' in: " << result.err;
  }
  EXPECT_EQ(content(folder.path()), before) << "files were written or changed";
}

}  // namespace
}  // namespace touchstone::testing
