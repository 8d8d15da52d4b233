// `format % values`, with the results of Python's str.
#include <array>
#include <cmath>
#include <cstdio>

#include "harness/base/utf8.hpp"
#include "harness/jinja/machine.hpp"
#include "harness/jinja/text.hpp"

namespace touchstone::jinja {
namespace {

/// One "%-05.2f" of a format.
struct Directive {
  bool minus = false;
  bool plus = false;
  bool space = false;
  bool zero = false;
  bool hash = false;
  std::int64_t width = 0;
  std::int64_t precision = -1;
  char type = 's';
};

constexpr std::int64_t widest = 10'000;

class Formatter {
 public:
  Formatter(Machine& machine, const std::string& format, const Value& values)
      : machine_(machine), format_(format), values_(values), tuple_(values.as_list()) {
    if (tuple_ != nullptr && !tuple_->is_tuple()) tuple_ = nullptr;
  }

  Value run() {
    while (at_ < format_.size()) {
      const auto found = format_.find('%', at_);
      out_.append(format_, at_, found == std::string::npos ? std::string::npos : found - at_);
      if (found == std::string::npos) break;
      at_ = found + 1;
      directive();
    }
    const bool holds_names = values_.as_dict() != nullptr || (values_.as_list() != nullptr && tuple_ == nullptr);
    if (!holds_names && used_ < (tuple_ != nullptr ? tuple_->items.size() : 1)) {
      machine_.fail("formatting with '%' has more values than the text has places");
    }
    return machine_.text(std::move(out_));
  }

 private:
  char now() const {
    if (at_ >= format_.size()) machine_.fail("formatting with '%': the text ends within a place such as '%5d'");
    return format_[at_];
  }

  Value next() {
    if (tuple_ == nullptr && used_++ == 0) return values_;
    if (tuple_ != nullptr && used_ < tuple_->items.size()) return tuple_->items[used_++];
    machine_.fail("formatting with '%' has fewer values than the text has places");
  }

  std::int64_t number(Directive& spec) {
    if (now() == '*') {
      ++at_;
      const auto value = next();
      if (!value.is_integer())
        machine_.fail(std::string("formatting with '%': '*' takes a whole number, found ") + value.type_name());
      auto width = value.integer();
      if (width < 0) {
        spec.minus = true;
        width = width < -widest ? widest + 1 : -width;
      }
      return bounded(width);
    }
    std::int64_t value = 0;
    while (now() >= '0' && now() <= '9') value = bounded(value * 10 + (format_[at_++] - '0'));
    return value;
  }

  std::int64_t bounded(std::int64_t value) const {
    if (value > widest)
      machine_.fail("formatting with '%' to more than " + std::to_string(widest) + " characters is not supported");
    return value;
  }

  void directive() {
    if (now() == '%') {
      out_ += '%';
      ++at_;
      return;
    }
    const Value* named = nullptr;
    if (now() == '(') {
      const auto end = format_.find(')', at_);
      if (end == std::string::npos) machine_.fail("formatting with '%': a name in brackets has no end");
      const auto* dict = values_.as_dict();
      if (dict == nullptr)
        machine_.fail(std::string("formatting with '%' by names takes a dictionary, found ") + values_.type_name());
      const auto name = format_.substr(at_ + 1, end - at_ - 1);
      named = dict->find(name);
      if (named == nullptr) machine_.fail("formatting with '%': the dictionary has no '" + name + "'");
      at_ = end + 1;
    }
    Directive spec;
    for (;; ++at_) {
      bool* flag = now() == '-'   ? &spec.minus
                   : now() == '+' ? &spec.plus
                   : now() == ' ' ? &spec.space
                   : now() == '0' ? &spec.zero
                   : now() == '#' ? &spec.hash
                                  : nullptr;
      if (flag == nullptr) break;
      *flag = true;
    }
    spec.width = number(spec);
    if (now() == '.') {
      ++at_;
      Directive ignored;
      spec.precision = number(ignored);
      if (ignored.minus) spec.precision = 0;
    }
    if (now() == 'h' || now() == 'l' || now() == 'L') ++at_;
    spec.type = now();
    ++at_;
    put(spec, named != nullptr ? *named : next());
  }

  void put(const Directive& spec, const Value& value) {
    switch (spec.type) {
      case 's':
        return padded(spec, cut(machine_.str(value), spec.precision));
      case 'r':
        machine_.str(machine_.list({value}));  // refuses what cannot be printed
        return padded(spec, cut(value.repr(), spec.precision));
      case 'c':
        return padded(spec, character(value));
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        return whole(spec, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(spec, value);
      default:
        machine_.fail(std::string("formatting with '%") + spec.type + "' is not supported");
    }
  }

  static std::string cut(const std::string& text, std::int64_t precision) {
    const auto starts = code_point_starts(text);
    if (precision < 0 || static_cast<std::size_t>(precision) + 1 >= starts.size()) return text;
    return text.substr(0, starts[static_cast<std::size_t>(precision)]);
  }

  std::string character(const Value& value) const {
    if (value.is_text() && code_point_starts(value.text()).size() == 2) return value.text();
    const bool fits = value.is_integer() && value.integer() >= 0 && value.integer() < 0x110000 &&
                      (value.integer() < 0xd800 || value.integer() > 0xdfff);
    if (!fits) machine_.fail(std::string("'%c' takes one character or its number, found ") + value.type_name());
    return utf8_of(static_cast<std::int32_t>(value.integer()));
  }

  void whole(const Directive& spec, const Value& value) {
    const bool base_ten = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
    if (!value.is_number() || (value.is_real() && (!base_ten || !(std::fabs(value.real()) < 9e18)))) {
      machine_.fail(std::string("'%") + spec.type + "' wants a number, got " + value.type_name());
    }
    const auto number = value.is_real() ? static_cast<std::int64_t>(value.real()) : value.integer();
    const auto size = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    std::array<char, 32> digits{};
    const char* format = base_ten ? "%llu" : spec.type == 'o' ? "%llo" : spec.type == 'x' ? "%llx" : "%llX";
    std::snprintf(digits.data(), digits.size(), format, static_cast<unsigned long long>(size));
    std::string text = digits.data();
    if (spec.precision > static_cast<std::int64_t>(text.size())) {
      text.insert(0, static_cast<std::size_t>(spec.precision) - text.size(), '0');
    }
    const std::string prefix = !spec.hash || base_ten ? "" : std::string("0") + spec.type;
    signed_number(spec, number < 0, prefix, text);
  }

  void real(const Directive& spec, const Value& value) {
    if (!value.is_number()) {
      machine_.fail(std::string("'%") + spec.type + "' wants a number, got " + value.type_name());
    }
    const double number = value.real();
    const std::string format = std::string("%") + (spec.hash ? "#" : "") + ".*" + spec.type;
    std::string text(400 + static_cast<std::size_t>(widest), '\0');
    const auto size = std::snprintf(text.data(), text.size(), format.c_str(),
                                    static_cast<int>(spec.precision < 0 ? 6 : spec.precision), std::fabs(number));
    text.resize(static_cast<std::size_t>(size));
    signed_number(spec, std::signbit(number) && !std::isnan(number), "", text);
  }

  void signed_number(const Directive& spec, bool negative, const std::string& prefix, const std::string& digits) {
    const std::string sign = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
    const auto size = sign.size() + prefix.size() + digits.size();
    std::string zeros;
    if (spec.zero && !spec.minus && size < static_cast<std::size_t>(spec.width)) {
      zeros.assign(static_cast<std::size_t>(spec.width) - size, '0');
    }
    padded(spec, sign + prefix + zeros + digits);
  }

  void padded(const Directive& spec, const std::string& text) {
    const auto size = code_point_starts(text).size() - 1;
    const auto width = static_cast<std::size_t>(spec.width);
    const std::string blanks(width > size ? width - size : 0, ' ');
    out_ += spec.minus ? text + blanks : blanks + text;
    machine_.charge(1 + (text.size() + blanks.size()) / 64);
  }

  Machine& machine_;
  const std::string& format_;
  const Value& values_;
  const List* tuple_;
  std::string out_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

Value Machine::percent(const std::string& format, const Value& values) {
  return Formatter(*this, format, defined(values)).run();
}

}  // namespace touchstone::jinja
