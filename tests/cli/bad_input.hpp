#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "harness/base/json.hpp"

namespace touchstone::testing {

using Words = std::vector<std::string>;
/// Prepares files in a fresh folder and gives the command line.
using Prepare = std::function<Words(const std::filesystem::path&)>;

/// One bad input; `says` are pieces that the message must hold.
struct BadInput {
  const char* name;
  Prepare prepare;
  std::vector<std::string> says;
};

inline void PrintTo(const BadInput& input, std::ostream* out) { *out << input.name; }

/// The table's test: exit code 2, one line with the pieces, and no file that was not there before or is another now.
class BadInputs : public ::testing::TestWithParam<BadInput> {};

/// Writes a file and the folders above it.
void put(const std::filesystem::path& path, const std::string& text);

/// A command line that needs no files.
Prepare plain(Words words);

/// `touchstone eval` of one gsm8k item with this checkpoint.
Words eval_words(const std::filesystem::path& model);

/// `touchstone eval` with a copy of the carried checkpoint after `spoil` was at it.
Prepare checkpoint(const std::function<void(const std::filesystem::path&)>& spoil);

/// The same with one key of a JSON file set to a value (a JSON text), or taken out when the text is empty.
Prepare json_with(const std::string& file, const std::string& key, const std::string& value);

/// The same with a file of that content.
Prepare file_with(const std::string& name, const std::string& text);

/// `touchstone eval` of a task on a data folder with one file of that content.
Prepare data_file(const std::string& file, const std::string& text, const std::string& task);

/// The folder of the checkpoint that the repository carries.
std::filesystem::path carried_model();

}  // namespace touchstone::testing

/// Adds a table of bad inputs to the test.
#define TOUCHSTONE_BAD_INPUTS(prefix, table)                              \
  INSTANTIATE_TEST_SUITE_P(prefix, BadInputs, ::testing::ValuesIn(table), \
                           [](const ::testing::TestParamInfo<BadInput>& one) { return std::string(one.param.name); })
