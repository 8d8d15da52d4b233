#include "tasks/parts/rows.hpp"

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

std::string at_line(const std::string& where, std::size_t line) { return where + ": line " + std::to_string(line); }

void check_utf8(std::string_view text, const std::string& where) {
  if (is_utf8(text)) return;
  std::size_t line = 1;
  for (std::size_t from = 0; from < text.size(); ++line) {
    const auto end = std::min(text.find('\n', from), text.size());
    require(is_utf8(text.substr(from, end - from)), Fault::data,
            [&] { return at_line(where, line) + ": is not valid UTF-8"; });
    from = end + 1;
  }
}

bool ends_with(const std::filesystem::path& path, const std::string& ending) {
  const auto name = path.filename().string();
  return name.ends_with(ending) || name.ends_with(ending + ".gz");
}

std::string checked_text(const std::filesystem::path& path, const RowLimits& limits) {
  auto text = read_text_file(path, limits.file_bytes);
  check_utf8(text, path.string());
  return text;
}

}  // namespace

std::vector<DataRow> parse_json_lines(std::string_view text, const std::string& where, const RowLimits& limits) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<DataRow> rows;
  std::size_t line = 1;
  for (std::size_t from = 0; from < text.size(); ++line) {
    const auto end = std::min(text.find('\n', from), text.size());
    const auto piece = text.substr(from, end - from);
    from = end + 1;
    if (strip(piece).empty()) continue;
    require(piece.size() <= limits.row_bytes, Fault::data, [&] {
      return at_line(where, line) + ": is " + std::to_string(piece.size()) + " bytes long, expected at most " +
             std::to_string(limits.row_bytes);
    });
    DataRow row{.value = parse_json(piece, where, {.bytes = limits.row_bytes, .depth = 32, .first_line = line}),
                .where = at_line(where, line)};
    row.reader();  // throws unless it is an object
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<DataRow> parse_json_array(std::string_view text, const std::string& where, const RowLimits& limits) {
  auto all = parse_json(text, where, {.bytes = limits.file_bytes, .depth = 32});
  require(all.is_array(), Fault::data,
          [&] { return where + ": found " + shown_json(all) + ", expected a list of objects"; });
  std::vector<DataRow> rows;
  for (auto& value : all) {
    DataRow row{.value = std::move(value), .where = where + ": entry " + std::to_string(rows.size() + 1)};
    row.reader();  // throws unless it is an object
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<DataRow> read_rows(const std::filesystem::path& path, const RowLimits& limits) {
  const bool lines = ends_with(path, ".jsonl");
  require(lines || ends_with(path, ".json"), Fault::data,
          [&] { return path.string() + ": expected a data file that ends in .jsonl or .json, with or without .gz"; });
  const auto text = checked_text(path, limits);
  const bool array = !lines && lstrip(text).starts_with("[");
  return array ? parse_json_array(text, path.string(), limits) : parse_json_lines(text, path.string(), limits);
}

std::vector<CsvRow> read_csv(const std::filesystem::path& path, const RowLimits& limits) {
  return parse_csv(checked_text(path, limits), path.string(), limits.row_bytes);
}

bool is_csv(const std::filesystem::path& path) { return ends_with(path, ".csv"); }

const DataFile& file_of(const Task& task, Split split) { return file_of(task.name, task.files, split); }

const DataFile& file_of(const std::string& task, const std::vector<DataFile>& files, Split split) {
  for (const auto& file : files) {
    if (file.split == split) return file;
  }
  throw Error(Fault::data, task + ": has no " + std::string(split_name(split)) + " split");
}

std::string document_hash(const Json& document) { return sha256(document.dump(2, ' ', false)); }

}  // namespace touchstone
