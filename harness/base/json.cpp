#include "harness/base/json.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

/// "line 3, column 7" of a byte offset.
std::string place(std::string_view text, std::size_t offset, std::size_t first_line) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + first_line;
  const auto start = before.rfind('\n');
  const auto column = start == std::string_view::npos ? offset + 1 : offset - start;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// The library's words without its own prefix: "[json.exception.parse_error.101] parse error at line 1, column 2: ...".
std::string reason(const std::string& what) {
  const auto found = what.find(": ");
  std::string text = found == std::string::npos ? what : what.substr(found + 2);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, 200);
}

/// Iterates over the text and keeps the parser's position: the library reports it to listeners only in syntax errors.
struct Cursor {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  const char* at;
  const char** seen;
  reference operator*() const { return *at; }
  Cursor& operator++() {
    *seen = ++at;
    return *this;
  }
  Cursor operator++(int) {
    const Cursor before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Cursor& other) const { return at == other.at; }
  bool operator!=(const Cursor& other) const { return at != other.at; }
};

/// Builds the value by hand, so that depth and duplicate keys are checked while reading and not after.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const std::string& where, const JsonLimits& limits)
      : text_(text), where_(where), limits_(limits), seen_(text.data()) {}

  void read() {
    const Cursor begin{text_.data(), &seen_};
    const Cursor end{text_.data() + text_.size(), &seen_};
    Json::sax_parse(begin, end, this);
  }

  Json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      throw Error(Fault::data, here() + ": key '" + one_line(name, 80) + "' is twice in one object");
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    throw Error(Fault::data, where_ + ": " + place(text_, position == 0 ? 0 : position - 1, limits_.first_line) + ": " +
                                 reason(error.what()));
  }

 private:
  /// The file, and the place in it that was read last.
  std::string here() const {
    const auto offset = static_cast<std::size_t>(seen_ - text_.data());
    return where_ + ": " + place(text_, offset == 0 ? 0 : offset - 1, limits_.first_line);
  }

  Json* add(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& top = *stack_.back();
    if (top.is_array()) {
      top.push_back(std::move(value));
      return &top.back();
    }
    // The keys of an object are known to differ, so append without the ordered map's linear search for an equal one.
    auto& members = top.get_ref<Json::object_t&>();
    members.push_back({std::move(key_), std::move(value)});
    return &members.back().second;
  }

  template <class Value>
  bool put(Value&& value) {
    add(Json(std::forward<Value>(value)));
    return true;
  }

  bool open(Json value) {
    require(stack_.size() < static_cast<std::size_t>(limits_.depth), Fault::data,
            [&] { return here() + ": values are nested deeper than " + std::to_string(limits_.depth) + " levels"; });
    stack_.push_back(add(std::move(value)));
    keys_.emplace_back();
    return true;
  }

  bool close() {
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& where_;
  JsonLimits limits_;
  const char* seen_;
  Json root_;
  std::vector<Json*> stack_;
  std::vector<std::set<std::string>> keys_;
  std::string key_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  require(text.size() <= limits.bytes, Fault::data,
          [&] { return where + ": is longer than the limit of " + std::to_string(limits.bytes) + " bytes"; });
  Builder builder(text, where, limits);
  builder.read();
  return builder.take();
}

bool is_int64(const Json& value) {
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX};
  return value.is_number_integer() && !too_large;
}

std::int64_t whole_number(const Json& value, std::int64_t min, std::int64_t max) {
  const bool fits = is_int64(value) && value.get<std::int64_t>() >= min && value.get<std::int64_t>() <= max;
  require(fits, Fault::data, [&] {
    return one_line(value.dump(-1, ' ', true, Json::error_handler_t::replace)) + ", expected a whole number from " +
           std::to_string(min) + " to " + std::to_string(max);
  });
  return value.get<std::int64_t>();
}

Json read_json(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_text_file(path, limits.bytes), path.string(), limits);
}

}  // namespace touchstone
