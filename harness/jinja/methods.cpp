// The methods of Python's texts, lists and dictionaries, as far as templates use them.
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "harness/base/text.hpp"
#include "harness/jinja/machine.hpp"
#include "harness/jinja/text.hpp"

namespace touchstone::jinja {

const Value* ArgumentReader::find(std::size_t place, std::string_view name) const {
  if (place < arguments_.positional.size()) return &arguments_.positional[place];
  for (const auto& entry : arguments_.named) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

const Value& ArgumentReader::want(std::size_t place, std::string_view name) const {
  const auto* found = find(place, name);
  if (found == nullptr) machine_.fail("'" + name_ + "' needs the argument '" + std::string(name) + "'");
  return machine_.defined(*found);
}

std::string ArgumentReader::text(std::size_t place, std::string_view name) const {
  const auto& value = want(place, name);
  if (!value.is_text()) {
    machine_.fail("'" + name_ + "' takes a text as '" + std::string(name) + "', found " + value.type_name());
  }
  return value.text();
}

std::string ArgumentReader::text(std::size_t place, std::string_view name, const std::string& fallback) const {
  const auto* found = find(place, name);
  return found == nullptr || found->is_none() ? fallback : text(place, name);
}

std::int64_t ArgumentReader::integer(std::size_t place, std::string_view name, std::int64_t fallback) const {
  const auto* found = find(place, name);
  if (found == nullptr || found->is_none()) return fallback;
  if (!found->is_integer() && !found->is_boolean()) {
    machine_.fail("'" + name_ + "' takes a whole number as '" + std::string(name) + "', found " + found->type_name());
  }
  return found->integer();
}

void check_arguments(const Machine& machine, const std::string& name, const Arguments& given,
                     const Signature& signature) {
  if (!signature.by_name && !given.named.empty()) {
    machine.fail("'" + name + "' takes no argument by name, found '" + given.named[0].first + "'");
  }
  if (signature.open) return;
  const auto names = signature.names.empty() ? std::vector<std::string>() : split(signature.names, ' ');
  if (given.positional.size() > names.size()) {
    machine.fail("'" + name + "' takes at most " + std::to_string(names.size()) + " arguments, found " +
                 std::to_string(given.positional.size()));
  }
  const auto place_of = [&](const std::string& wanted) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), wanted) - names.begin());
  };
  for (const auto& entry : given.named) {
    const auto place = place_of(entry.first);
    if (place == names.size()) machine.fail("'" + name + "' has no argument '" + entry.first + "'");
    if (place < given.positional.size()) machine.fail("'" + name + "' has the argument '" + entry.first + "' twice");
  }
  for (std::size_t i = given.positional.size(); i < signature.needed; ++i) {
    const bool named =
        std::any_of(given.named.begin(), given.named.end(), [&](const auto& entry) { return entry.first == names[i]; });
    if (!named) machine.fail("'" + name + "' needs the argument '" + names[i] + "'");
  }
}

bool ArgumentReader::flag(std::size_t place, std::string_view name, bool fallback) const {
  const auto* found = find(place, name);
  return found == nullptr ? fallback : found->truth();
}

namespace {

using Reader = const ArgumentReader&;

template <bool left, bool right>
Value strip_method(Machine& machine, const Value& self, Reader given) {
  const auto* chars = given.find(0, "chars");
  if (chars == nullptr || chars->is_none()) {
    std::string_view text = self.text();
    if (left) text = lstrip(text);
    if (right) text = rstrip(text);
    return machine.text(std::string(text));
  }
  return machine.text(std::string(strip_set(self.text(), given.text(0, "chars"), left, right)));
}

Value split_method(Machine& machine, const Value& self, Reader given) {
  const auto most = given.integer(1, "maxsplit", -1);
  const auto* separator = given.find(0, "sep");
  machine.charge(self.text().size() / 64);
  if (separator == nullptr || separator->is_none()) return machine.list(texts(split_at_spaces(self.text(), most)));
  const auto by = given.text(0, "sep");
  if (by.empty()) machine.fail("split() needs a separator that is not empty");
  return machine.list(texts(split_at(self.text(), by, most)));
}

Value rsplit_method(Machine& machine, const Value& self, Reader given) {
  const auto most = given.integer(1, "maxsplit", -1);
  const auto* separator = given.find(0, "sep");
  machine.charge(self.text().size() / 64);
  if (separator == nullptr || separator->is_none()) {
    return machine.list(texts(split_at_spaces_from_right(self.text(), most)));
  }
  const auto by = given.text(0, "sep");
  if (by.empty()) machine.fail("rsplit() needs a separator that is not empty");
  return machine.list(texts(split_at_from_right(self.text(), by, most)));
}

Value splitlines_method(Machine& machine, const Value& self, Reader given) {
  machine.charge(self.text().size() / 64);
  return machine.list(texts(split_lines(self.text(), given.flag(0, "keepends", false))));
}

/// The part of a text (or list) between Python's start and end, as a range of characters; `inside` is false when the
/// start lies after the end of the text.
struct Bounds {
  std::size_t first = 0;
  std::size_t last = 0;
  bool inside = true;
};

Bounds bounds(std::size_t count, Reader given, std::size_t place) {
  const auto size = static_cast<std::int64_t>(count);
  const auto read = [&](std::size_t at, std::string_view name, std::int64_t fallback) {
    const auto value = given.integer(at, name, fallback);
    return value < 0 ? std::max<std::int64_t>(0, value < -size ? 0 : value + size) : value;
  };
  const auto first = read(place, "start", 0);
  const auto last = std::min(read(place + 1, "end", size), size);
  return {.first = static_cast<std::size_t>(std::min(first, size)),
          .last = static_cast<std::size_t>(std::max(last, std::min(first, size))),
          .inside = first <= size && first <= last};
}

struct Piece {
  std::string_view text;
  std::size_t first = 0;  ///< characters in front of it
  bool inside = true;
};

Piece piece(Machine& machine, const Value& self, Reader given) {
  machine.charge(self.text().size() / 16);
  const auto starts = code_point_starts(self.text());
  const auto part = bounds(starts.size() - 1, given, 1);
  return {.text = std::string_view(self.text()).substr(starts[part.first], starts[part.last] - starts[part.first]),
          .first = part.first,
          .inside = part.inside};
}

template <bool at_start>
Value affix_method(Machine& machine, const Value& self, Reader given) {
  const auto part = piece(machine, self, given);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_text()) machine.fail(std::string("startswith and endswith take texts, found ") + affix.type_name());
    return part.inside && (at_start ? part.text.starts_with(affix.text()) : part.text.ends_with(affix.text()));
  };
  const auto& wanted = given.want(0, "prefix");
  if (const auto* list = wanted.as_list(); list != nullptr && list->is_tuple()) {
    machine.charge(list->items.size());
    return Value::of(std::any_of(list->items.begin(), list->items.end(), matches));
  }
  return Value::of(matches(wanted));
}

template <bool at_start>
Value remove_affix_method(Machine& machine, const Value& self, Reader given) {
  const auto affix = given.text(0, at_start ? "prefix" : "suffix");
  const auto& text = self.text();
  if (at_start ? !text.starts_with(affix) : !text.ends_with(affix)) return self;
  return machine.text(at_start ? text.substr(affix.size()) : text.substr(0, text.size() - affix.size()));
}

Value replace_method(Machine& machine, const Value& self, Reader given) {
  return machine.text(
      replaced(machine, self.text(), given.text(0, "old"), given.text(1, "new"), given.integer(2, "count", -1)));
}

template <bool from_right, bool must>
Value find_method_of_text(Machine& machine, const Value& self, Reader given) {
  const auto part = piece(machine, self, given);
  const auto wanted = given.text(0, "sub");
  const auto found = !part.inside ? std::string_view::npos
                     : from_right ? part.text.rfind(wanted)
                                  : part.text.find(wanted);
  if (found != std::string_view::npos) {
    return Value::of(static_cast<std::int64_t>(part.first + code_points(part.text.substr(0, found))));
  }
  if (must) machine.fail("index(): the text is not found");
  return Value::of(std::int64_t{-1});
}

Value count_method(Machine& machine, const Value& self, Reader given) {
  std::int64_t count = 0;
  if (const auto* list = self.as_list()) {
    machine.charge(static_cast<std::size_t>(list->weight));
    const auto& wanted = given.want(0, "value");
    return Value::of(static_cast<std::int64_t>(
        std::count_if(list->items.begin(), list->items.end(), [&](const Value& one) { return equal(one, wanted); })));
  }
  const auto wanted = given.text(0, "sub");
  const auto part = piece(machine, self, given);
  if (!part.inside) return Value::of(count);
  if (wanted.empty()) return Value::of(static_cast<std::int64_t>(code_points(part.text)) + 1);
  for (auto at = part.text.find(wanted); at != std::string_view::npos; at = part.text.find(wanted, at + wanted.size()))
    ++count;
  return Value::of(count);
}

template <bool from_right>
Value partition_method(Machine& machine, const Value& self, Reader given) {
  machine.charge(self.text().size() / 64);
  const auto by = given.text(0, "sep");
  if (by.empty()) machine.fail("partition() needs a separator that is not empty");
  const auto& text = self.text();
  const auto found = from_right ? text.rfind(by) : text.find(by);
  std::vector<Value> parts;
  if (found == std::string::npos) {
    parts = {self, Value::of(""), Value::of("")};
    if (from_right) std::swap(parts[0], parts[2]);
  } else {
    parts = {machine.text(text.substr(0, found)), Value::of(by), machine.text(text.substr(found + by.size()))};
  }
  return machine.list(std::move(parts), ListKind::tuple);
}

std::string repeated(Machine& machine, const std::string& text, std::int64_t times) {
  constexpr std::int64_t most = std::int64_t{1} << 20;
  if (times > most) machine.fail("fills a text with more than " + std::to_string(most) + " characters");
  machine.charge(static_cast<std::size_t>(std::max<std::int64_t>(0, times)));
  std::string out;
  for (std::int64_t i = 0; i < times; ++i) out += text;
  return out;
}

enum class Side : std::uint8_t { left, right, both };

/// ljust, rjust and center.
template <Side side>
Value justify_method(Machine& machine, const Value& self, Reader given) {
  const auto width = given.want(0, "width").is_integer() ? given.integer(0, "width", 0) : -1;
  if (width < 0 && !given.want(0, "width").is_integer())
    machine.fail(std::string("a width is a whole number, found ") + given.want(0, "width").type_name());
  const auto fill = given.text(1, "fillchar", " ");
  if (code_points(fill) != 1)
    machine.fail("a text is filled up with one character, found '" + fill.substr(0, 40) + "'");
  const auto pad = width - static_cast<std::int64_t>(code_points(self.text()));
  if (pad <= 0) return self;
  const auto left = side == Side::left ? 0 : side == Side::right ? pad : pad / 2 + (pad & width & 1);
  return machine.text(repeated(machine, fill, left) + self.text() + repeated(machine, fill, pad - left));
}

Value zfill_method(Machine& machine, const Value& self, Reader given) {
  const auto pad = given.integer(0, "width", 0) - static_cast<std::int64_t>(code_points(self.text()));
  const bool has_sign = self.text().starts_with('-') || self.text().starts_with('+');
  auto text = self.text();
  return machine.text(text.insert(has_sign ? 1 : 0, repeated(machine, "0", pad)));
}

Value expandtabs_method(Machine& machine, const Value& self, Reader given) {
  const auto size = given.integer(0, "tabsize", 8);
  std::string out;
  std::int64_t column = 0;
  for (const char byte : self.text()) {
    if (byte == '\t') {
      const auto blanks = size > 0 ? size - column % size : 0;
      out += repeated(machine, " ", blanks);
      column += blanks;
    } else {
      out += byte;
      if (!is_continuation(byte)) ++column;
      if (byte == '\n' || byte == '\r') column = 0;
    }
  }
  return machine.text(std::move(out));
}

Value casefold_method(Machine& machine, const Value& self, Reader) {
  machine.charge(self.text().size() / 64);
  utf8proc_uint8_t* folded = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(self.text().data()),
                                 static_cast<utf8proc_ssize_t>(self.text().size()), &folded, UTF8PROC_CASEFOLD);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(folded, &std::free);
  if (size < 0) machine.fail("casefold(): the text is not UTF-8");
  return machine.text(std::string(reinterpret_cast<const char*>(folded), static_cast<std::size_t>(size)));
}

Value join_method(Machine& machine, const Value& self, Reader given) {
  std::string joined;
  bool first = true;
  for (const auto& item : machine.items(*given.find(0, "iterable"))) {
    if (!item.is_text()) machine.fail(std::string("join() takes texts, found ") + item.type_name());
    if (!first) joined += self.text();
    first = false;
    joined += item.text();
    machine.charge(1 + joined.size() / 4096);
  }
  return machine.text(std::move(joined));
}

template <Casing casing>
Value case_method(Machine& machine, const Value& self, Reader) {
  machine.charge(self.text().size() / 64);
  return machine.text(recased(self.text(), casing));
}

Value istitle_method(Machine& machine, const Value& self, Reader) {
  machine.charge(self.text().size() / 64);
  return Value::of(is_title(self.text()));
}

Value isdigit_method(Machine& machine, const Value& self, Reader) {
  machine.charge(self.text().size() / 64);
  if (has_other_digit(self.text()))
    machine.fail("isdigit() of a superscript or another special digit is not supported");
  return Value::of(is_all(self.text(), Class::decimal));
}

template <Class wanted>
Value class_method(Machine& machine, const Value& self, Reader) {
  machine.charge(self.text().size() / 64);
  return Value::of(is_all(self.text(), wanted));
}

Value items_method(Machine& machine, const Value& self, Reader) {
  std::vector<Value> pairs;
  for (const auto& entry : self.as_dict()->entries)
    pairs.push_back(machine.list({entry.first, entry.second}, ListKind::tuple));
  return machine.list(std::move(pairs), ListKind::items);
}

Value keys_method(Machine& machine, const Value& self, Reader) {
  return machine.list(machine.items(self), ListKind::keys);
}

Value values_method(Machine& machine, const Value& self, Reader) {
  std::vector<Value> all;
  for (const auto& entry : self.as_dict()->entries) all.push_back(entry.second);
  return machine.list(std::move(all), ListKind::values);
}

Value get_method(Machine& machine, const Value& self, Reader given) {
  machine.charge(self.as_dict()->entries.size() / 8);
  if (const auto* found = self.as_dict()->find(*given.find(0, "key"))) return *found;
  const auto* fallback = given.find(1, "default");
  return fallback == nullptr ? Value::none() : *fallback;
}

Value copy_method(Machine&, const Value& self, Reader) { return self; }

Value index_method(Machine& machine, const Value& self, Reader given) {
  const auto& items = self.as_list()->items;
  machine.charge(static_cast<std::size_t>(self.weight()));
  const auto& wanted = given.want(0, "value");
  const auto part = bounds(items.size(), given, 1);
  const auto end = items.begin() + static_cast<std::ptrdiff_t>(part.last);
  const auto found = std::find_if(items.begin() + static_cast<std::ptrdiff_t>(part.first), end,
                                  [&](const Value& one) { return equal(one, wanted); });
  if (found == end) machine.fail("index(): the value is not in the list");
  return Value::of(static_cast<std::int64_t>(found - items.begin()));
}

const std::map<std::string_view, Method>& text_methods() {
  constexpr Signature none = {.by_name = false};
  constexpr Signature part = {.names = "sub start end", .needed = 1, .by_name = false};
  constexpr Signature one = {.names = "sep", .needed = 1, .by_name = false};
  constexpr Signature width = {.names = "width fillchar", .needed = 1, .by_name = false};
  constexpr Signature chars = {.names = "chars", .by_name = false};
  constexpr Signature pieces = {.names = "sep maxsplit"};
  static const std::map<std::string_view, Method> methods = {
      {"strip", {strip_method<true, true>, chars}},
      {"lstrip", {strip_method<true, false>, chars}},
      {"rstrip", {strip_method<false, true>, chars}},
      {"split", {split_method, pieces}},
      {"rsplit", {rsplit_method, pieces}},
      {"splitlines", {splitlines_method, {.names = "keepends"}}},
      {"startswith", {affix_method<true>, part}},
      {"endswith", {affix_method<false>, part}},
      {"removeprefix", {remove_affix_method<true>, one}},
      {"removesuffix", {remove_affix_method<false>, one}},
      {"replace", {replace_method, {.names = "old new count", .needed = 2, .by_name = false}}},
      {"find", {find_method_of_text<false, false>, part}},
      {"rfind", {find_method_of_text<true, false>, part}},
      {"index", {find_method_of_text<false, true>, part}},
      {"rindex", {find_method_of_text<true, true>, part}},
      {"count", {count_method, part}},
      {"join", {join_method, one}},
      {"partition", {partition_method<false>, one}},
      {"rpartition", {partition_method<true>, one}},
      {"ljust", {justify_method<Side::left>, width}},
      {"rjust", {justify_method<Side::right>, width}},
      {"center", {justify_method<Side::both>, width}},
      {"zfill", {zfill_method, {.names = "width", .needed = 1, .by_name = false}}},
      {"expandtabs", {expandtabs_method, {.names = "tabsize"}}},
      {"upper", {case_method<Casing::upper>, none}},
      {"lower", {case_method<Casing::lower>, none}},
      {"title", {case_method<Casing::title>, none}},
      {"capitalize", {case_method<Casing::capital>, none}},
      {"swapcase", {case_method<Casing::swapped>, none}},
      {"casefold", {casefold_method, none}},
      {"isdigit", {isdigit_method, none}},
      {"isdecimal", {class_method<Class::decimal>, none}},
      {"isalpha", {class_method<Class::letter>, none}},
      {"isalnum", {class_method<Class::letter_or_digit>, none}},
      {"isspace", {class_method<Class::space>, none}},
      {"isupper", {class_method<Class::upper>, none}},
      {"islower", {class_method<Class::lower>, none}},
      {"istitle", {istitle_method, none}},
      {"isprintable", {class_method<Class::printable>, none}},
      {"isascii", {class_method<Class::ascii>, none}},
  };
  return methods;
}

const std::map<std::string_view, Method>& dict_methods() {
  constexpr Signature none = {.by_name = false};
  static const std::map<std::string_view, Method> methods = {
      {"items", {items_method, none}},
      {"keys", {keys_method, none}},
      {"values", {values_method, none}},
      {"get", {get_method, {.names = "key default", .needed = 1, .by_name = false}}},
      {"copy", {copy_method, none}}};
  return methods;
}

const std::map<std::string_view, Method>& list_methods() {
  static const std::map<std::string_view, Method> methods = {
      {"count", {count_method, {.names = "value", .needed = 1, .by_name = false}}},
      {"index", {index_method, {.names = "value start end", .needed = 1, .by_name = false}}},
      {"copy", {copy_method, {.by_name = false}}}};
  return methods;
}

}  // namespace

const Method* find_method(const Value& self, std::string_view name) {
  const auto look = [&](const std::map<std::string_view, Method>& methods) {
    const auto found = methods.find(name);
    return found == methods.end() ? nullptr : &found->second;
  };
  if (self.is_text()) return look(text_methods());
  if (self.as_dict() != nullptr) return look(dict_methods());
  const auto* list = self.as_list();
  if (list == nullptr || !list->is_sequence() || (name == "copy" && list->kind != ListKind::list)) return nullptr;
  return look(list_methods());
}

}  // namespace touchstone::jinja
