#include "tasks/parts/csv.hpp"

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where, std::size_t field_limit_bytes)
      : text_(text), where_(where), field_limit_bytes_(field_limit_bytes) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  std::vector<CsvRow> rows() {
    std::vector<CsvRow> all;
    while (at_ < text_.size()) {
      if (end_of_row()) continue;  // an empty line
      all.push_back(row());
    }
    return all;
  }

 private:
  CsvRow row() {
    CsvRow row{.fields = {}, .line = line_};
    while (true) {
      row.fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
      if (at_ >= text_.size() || end_of_row()) return row;
      ++at_;  // the comma
    }
  }

  /// Skips a line break if there is one here.
  bool end_of_row() {
    if (text_[at_] != '\n' && text_[at_] != '\r') return false;
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
    return true;
  }

  std::string plain() {
    const auto last = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string field(text_.substr(at_, last - at_));
    check_length(field.size());
    at_ = last;
    return field;
  }

  std::string quoted() {
    const auto begun = line_;
    std::string field;
    ++at_;
    while (true) {
      const auto quote = text_.find('"', at_);
      require(quote != std::string_view::npos, Fault::data, [&] {
        return where_ + ": line " + std::to_string(begun) + ": a quoted field begins here and never ends";
      });
      for (const char c : text_.substr(at_, quote - at_)) line_ += c == '\n' ? 1 : 0;
      field += text_.substr(at_, quote - at_);
      check_length(field.size());
      at_ = quote + 1;
      if (at_ >= text_.size() || text_[at_] != '"') break;
      field += '"';
      ++at_;
    }
    const bool ends = at_ >= text_.size() || text_[at_] == ',' || text_[at_] == '\n' || text_[at_] == '\r';
    require(ends, Fault::data, [&] {
      return where_ + ": line " + std::to_string(line_) + ": found '" + text_[at_] +
             "' after a closing quote, expected a comma or a line break";
    });
    return field;
  }

  void check_length(std::size_t bytes) const {
    require(bytes <= field_limit_bytes_, Fault::data, [&] {
      return where_ + ": line " + std::to_string(line_) + ": a field is longer than " +
             std::to_string(field_limit_bytes_) + " bytes, the limit";
    });
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t field_limit_bytes_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& where, std::size_t field_limit_bytes) {
  return CsvReader(text, where, field_limit_bytes).rows();
}

}  // namespace touchstone
