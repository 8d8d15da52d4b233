#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/object_reader.hpp"
#include "harness/data/task.hpp"
#include "tasks/parts/csv.hpp"

namespace touchstone {

/// The limits of a data file.
struct RowLimits {
  std::size_t file_bytes = std::size_t{256} << 20;  ///< after decompression
  std::size_t row_bytes = std::size_t{4} << 20;
};

/// One object of a data file, and its name in messages: "gsm8k/test.jsonl: line 3".
struct DataRow {
  Json value;
  std::string where;

  /// The text under a key. All getters throw Fault::data with file, line, key, the value found and the value wanted.
  const std::string& text(const std::string& key) const { return reader().text(key); }
  std::vector<std::string> texts(const std::string& key) const { return reader().texts(key); }
  std::int64_t integer(const std::string& key) const { return reader().integer(key); }
  const Json& at(const std::string& key) const { return reader().at(key); }
  ObjectReader reader() const { return {value, where, {.fault = Fault::data}}; }
};

/// JSON lines: one object a line; blank lines are skipped. Throws Fault::data.
std::vector<DataRow> parse_json_lines(std::string_view text, const std::string& where, const RowLimits& limits = {});

/// A JSON array of objects.
std::vector<DataRow> parse_json_array(std::string_view text, const std::string& where, const RowLimits& limits = {});

/// The objects of a file, in the format of its name: .jsonl or .json (an array, or lines), either with .gz after it.
std::vector<DataRow> read_rows(const std::filesystem::path& path, const RowLimits& limits = {});

/// The rows of a .csv or .csv.gz file.
std::vector<CsvRow> read_csv(const std::filesystem::path& path, const RowLimits& limits = {});

/// Whether the name ends in .csv or .csv.gz.
bool is_csv(const std::filesystem::path& path);

/// The task's only file of a split. Throws Fault::data when the task has no such split.
const DataFile& file_of(const Task& task, Split split);
const DataFile& file_of(const std::string& task, const std::vector<DataFile>& files, Split split);

/// SHA-256 of a document as lm-evaluation-harness stores it: json.dumps(doc, indent=2, ensure_ascii=False).
std::string document_hash(const Json& document);

}  // namespace touchstone
