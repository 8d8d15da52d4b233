#include "harness/store/flat_json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "null";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-9e999" : "9e999";
  } else {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
  }
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  out += '"';
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out += {'\\', letter};
    } else if (letter == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    } else {
      out += letter;
    }
  }
  out += '"';
}

template <class Values, class Append>
std::string listed(const Values& values, const Append& append) {
  std::string out = "[";
  for (const auto& value : values) {
    if (out.size() > 1) out += ',';
    append(out, value);
  }
  return out + "]";
}

/// Reads only what the functions above write.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  template <class Value>
  void list(char open, char close, const Value& value) {
    expect(open);
    if (!take(close)) {
      do value();
      while (take(','));
      expect(close);
    }
    if (at_ != text_.size()) fail();
  }

  double number() {
    if (text_.substr(at_, 4) == "null") {
      at_ += 4;
      return std::numeric_limits<double>::quiet_NaN();
    }
    double value = 0.0;
    const char* first = text_.data() + at_;
    const auto read = std::from_chars(first, text_.data() + text_.size(), value);
    if (read.ec == std::errc::result_out_of_range) {
      value = (*first == '-' ? -1.0 : 1.0) * std::numeric_limits<double>::infinity();
    } else if (read.ec != std::errc()) {
      fail();
    }
    at_ = static_cast<std::size_t>(read.ptr - text_.data());
    return value;
  }

  std::string quoted() {
    expect('"');
    std::string out;
    while (!take('"')) {
      const char letter = next();
      out += letter == '\\' ? escaped() : letter;
    }
    return out;
  }

  void expect(char wanted) {
    if (!take(wanted)) fail();
  }

 private:
  char next() {
    if (at_ >= text_.size()) fail();
    return text_[at_++];
  }
  bool take(char wanted) {
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  char escaped() {
    const char kind = next();
    if (kind == 'n') return '\n';
    if (kind == '"' || kind == '\\') return kind;
    int code = 0;
    if (kind != 'u' || at_ + 4 > text_.size()) fail();
    const char* first = text_.data() + at_;
    const auto read = std::from_chars(first, first + 4, code, 16);
    if (read.ptr != first + 4 || code > 0x1f) fail();
    at_ += 4;
    return static_cast<char>(code);
  }
  [[noreturn]] void fail() const {
    throw Error(Fault::store, "damaged column: unexpected text at byte " + std::to_string(at_) + " of '" +
                                  std::string(text_.substr(0, 60)) + "'");
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string numbers_json(const std::vector<double>& values) { return listed(values, append_number); }

std::string integers_json(const std::vector<int>& values) {
  return listed(values, [](std::string& out, int value) { out += std::to_string(value); });
}

std::string flags_json(const std::vector<bool>& values) {
  return listed(values, [](std::string& out, bool value) { out += value ? '1' : '0'; });
}

std::string texts_json(const std::vector<std::string>& values) { return listed(values, append_quoted); }

std::string object_json(const std::map<std::string, double>& values) {
  std::string out = "{";
  for (const auto& entry : values) {
    if (out.size() > 1) out += ',';
    append_quoted(out, entry.first);
    out += ':';
    append_number(out, entry.second);
  }
  return out + "}";
}

std::string quoted_json(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::vector<double> numbers_from(std::string_view json) {
  std::vector<double> values;
  Reader reader(json);
  reader.list('[', ']', [&] { values.push_back(reader.number()); });
  return values;
}

std::vector<int> integers_from(std::string_view json) {
  std::vector<int> values;
  for (const double value : numbers_from(json)) values.push_back(static_cast<int>(value));
  return values;
}

std::vector<bool> flags_from(std::string_view json) {
  std::vector<bool> values;
  for (const double value : numbers_from(json)) values.push_back(value != 0.0);
  return values;
}

std::vector<std::string> texts_from(std::string_view json) {
  std::vector<std::string> values;
  Reader reader(json);
  reader.list('[', ']', [&] { values.push_back(reader.quoted()); });
  return values;
}

std::map<std::string, double> object_from(std::string_view json) {
  std::map<std::string, double> values;
  Reader reader(json);
  reader.list('{', '}', [&] {
    auto key = reader.quoted();
    reader.expect(':');
    values.insert_or_assign(std::move(key), reader.number());
  });
  return values;
}

}  // namespace touchstone
