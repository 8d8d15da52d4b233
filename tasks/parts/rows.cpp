#include "tasks/parts/rows.hpp"

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

std::string at_line(const std::string& where, std::size_t line) { return where + ": line " + std::to_string(line); }

const char* type_of(const Json& value) {
  if (value.is_string()) return "a text";
  if (value.is_number()) return "a number";
  if (value.is_boolean()) return "true or false";
  if (value.is_null()) return "null";
  return value.is_array() ? "a list" : "an object";
}

void want(bool holds, const DataRow& row, const std::string& key, const char* wanted) {
  require(holds, Fault::data, [&] {
    return row.where + ": key '" + key + "' is " + type_of(row.value.at(key)) + ", " + wanted + " is wanted";
  });
}

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

const Json& DataRow::at(const std::string& key) const {
  const auto found = value.find(key);
  require(found != value.end(), Fault::data, [&] {
    std::vector<std::string> known;
    for (const auto& item : value.items()) known.push_back(item.key().substr(0, 40));
    return where + ": key '" + key + "' is missing; there are: " + (known.empty() ? "none" : join(known, ", "));
  });
  return *found;
}

const std::string& DataRow::text(const std::string& key) const {
  const auto& found = at(key);
  want(found.is_string(), *this, key, "a text");
  return found.get_ref<const std::string&>();
}

std::vector<std::string> DataRow::texts(const std::string& key) const {
  const auto& found = at(key);
  want(found.is_array(), *this, key, "a list of texts");
  std::vector<std::string> all;
  for (const auto& item : found) {
    require(item.is_string(), Fault::data, [&] {
      return where + ": item " + std::to_string(all.size() + 1) + " of '" + key + "' is " + type_of(item) +
             ", a text is wanted";
    });
    all.push_back(item.get<std::string>());
  }
  return all;
}

std::int64_t DataRow::integer(const std::string& key) const {
  const auto& found = at(key);
  want(found.is_number_integer(), *this, key, "a whole number");
  return found.get<std::int64_t>();
}

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
      return at_line(where, line) + ": is " + std::to_string(piece.size()) + " bytes long, the limit is " +
             std::to_string(limits.row_bytes);
    });
    DataRow row{.value = parse_json(piece, where, {.bytes = limits.row_bytes, .depth = 32, .first_line = line}),
                .where = at_line(where, line)};
    require(row.value.is_object(), Fault::data,
            [&] { return row.where + ": is " + type_of(row.value) + ", an object is wanted"; });
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<DataRow> parse_json_array(std::string_view text, const std::string& where, const RowLimits& limits) {
  auto all = parse_json(text, where, {.bytes = limits.file_bytes, .depth = 32});
  require(all.is_array(), Fault::data,
          [&] { return where + ": is " + type_of(all) + ", a list of objects is wanted"; });
  std::vector<DataRow> rows;
  for (auto& value : all) {
    DataRow row{.value = std::move(value), .where = where + ": entry " + std::to_string(rows.size() + 1)};
    require(row.value.is_object(), Fault::data,
            [&] { return row.where + ": is " + type_of(row.value) + ", an object is wanted"; });
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<DataRow> read_rows(const std::filesystem::path& path, const RowLimits& limits) {
  const bool lines = ends_with(path, ".jsonl");
  require(lines || ends_with(path, ".json"), Fault::data,
          [&] { return path.string() + ": a data file of this task ends in .jsonl or .json, with or without .gz"; });
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
