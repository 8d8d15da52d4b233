#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "harness/base/text.hpp"
#include "harness/jinja/machine.hpp"
#include "harness/jinja/text.hpp"

namespace touchstone::jinja {
namespace {

using Reader = const ArgumentReader&;
using Filter = Value (*)(Machine&, const Value&, Reader, Arguments&);

Value from_method(const char* name, Machine& machine, const Value& value, Reader given) {
  const auto text = machine.text(machine.str(value));
  return find_method(text, name)(machine, text, given);
}

template <Casing casing>
Value cased(Machine& machine, const Value& value, Reader, Arguments&) {
  return machine.text(recased(machine.str(value), casing));
}

Value length(Machine& machine, const Value& value, Reader, Arguments&) {
  if (value.is_text()) return Value::of(static_cast<std::int64_t>(code_points(value.text())));
  if (const auto* list = value.as_list()) return Value::of(static_cast<std::int64_t>(list->items.size()));
  if (const auto* dict = value.as_dict()) return Value::of(static_cast<std::int64_t>(dict->entries.size()));
  if (value.is_undefined()) return Value::of(std::int64_t{0});
  machine.fail(std::string(value.type_name()) + " has no length");
}

Value fallback(Machine&, const Value& value, Reader given, Arguments&) {
  const bool use = value.is_undefined() || (given.flag(1, "boolean", false) && !value.truth());
  if (!use) return value;
  const auto* other = given.find(0, "default_value");
  return other == nullptr ? Value::of("") : *other;
}

Value join(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* separator = given.find(0, "d");
  const auto* attribute = given.find(1, "attribute");
  const auto between = separator == nullptr ? std::string() : machine.str(*separator);
  std::string joined;
  bool first = true;
  for (auto item : machine.items(value)) {
    if (attribute != nullptr) item = machine.item(item, *attribute);
    if (!first) joined += between;
    first = false;
    joined += machine.str(item);
    machine.charge(1 + joined.size() / 4096);
  }
  return machine.text(std::move(joined));
}

Value first(Machine& machine, const Value& value, Reader, Arguments&) {
  const auto all = machine.items(value);
  return all.empty() ? Value::undefined("no first item, the sequence was empty") : all.front();
}

Value last(Machine& machine, const Value& value, Reader, Arguments&) {
  const auto all = machine.items(value);
  return all.empty() ? Value::undefined("no last item, the sequence was empty") : all.back();
}

Value as_list(Machine& machine, const Value& value, Reader, Arguments&) { return machine.list(machine.items(value)); }

Value string(Machine& machine, const Value& value, Reader, Arguments&) { return machine.text(machine.str(value)); }

Value to_integer(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto other = given.integer(0, "default", 0);
  if (value.is_real()) {
    if (!(std::fabs(value.real()) < 9e18)) machine.fail("a number leaves 64 bits");
    return Value::of(static_cast<std::int64_t>(value.real()));
  }
  if (value.is_number()) return Value::of(value.integer());
  if (!value.is_text()) return Value::of(other);
  const auto text = strip(value.text());
  std::int64_t whole = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return Value::of(whole);
  double real = 0.0;
  const auto again = std::from_chars(text.data(), text.data() + text.size(), real);
  const bool good = again.ec == std::errc() && again.ptr == text.data() + text.size() && std::fabs(real) < 9e18;
  return Value::of(good ? static_cast<std::int64_t>(real) : other);
}

Value to_real(Machine&, const Value& value, Reader given, Arguments&) {
  if (value.is_number()) return Value::of(value.real());
  const auto* other = given.find(0, "default");
  double real = 0.0;
  if (value.is_text()) {
    const auto text = strip(value.text());
    const auto read = std::from_chars(text.data(), text.data() + text.size(), real);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return Value::of(real);
  }
  return other == nullptr ? Value::of(0.0) : *other;
}

Value absolute(Machine& machine, const Value& value, Reader, Arguments&) {
  if (!machine.defined(value).is_number()) machine.fail(std::string("abs of ") + value.type_name());
  if (value.is_real()) return Value::of(std::fabs(value.real()));
  return value.integer() < 0 ? machine.binary("-", Value::of(std::int64_t{0}), value) : Value::of(value.integer());
}

Value rounded(Machine& machine, const Value& value, Reader given, Arguments&) {
  if (!machine.defined(value).is_number()) machine.fail(std::string("round of ") + value.type_name());
  const auto digits = given.integer(0, "precision", 0);
  const auto method = given.text(1, "method", "common");
  const double scale = std::pow(10.0, static_cast<double>(std::clamp<std::int64_t>(digits, -300, 300)));
  const double scaled = value.real() * scale;
  const double whole = method == "ceil"    ? std::ceil(scaled)
                       : method == "floor" ? std::floor(scaled)
                                           : std::nearbyint(scaled);
  return Value::of(whole / scale);
}

Value json(Machine& machine, const Value& value, Reader given, Arguments&) {
  // The order of Hugging Face's own tojson: ensure_ascii, indent, separators, sort_keys.
  if (const auto* separators = given.find(2, "separators"); separators != nullptr && !separators->is_none()) {
    machine.fail("tojson with separators is not supported");
  }
  return machine.text(to_json(machine, value, given.integer(1, "indent", -1), given.flag(0, "ensure_ascii", false),
                              given.flag(3, "sort_keys", false)));
}

Value items_of(Machine& machine, const Value& value, Reader given, Arguments&) {
  if (value.is_undefined()) return machine.list({});
  if (value.as_dict() == nullptr)
    machine.fail(std::string("items of ") + value.type_name() + ", which is no dictionary");
  return find_method(value, "items")(machine, value, given);
}

Value reverse(Machine& machine, const Value& value, Reader, Arguments&) {
  auto all = machine.items(value);
  std::reverse(all.begin(), all.end());
  if (!value.is_text()) return machine.list(std::move(all));
  std::string text;
  for (const auto& one : all) text += one.text();
  return machine.text(std::move(text));
}

Value lower_case_key(Machine& machine, const Value& value, bool case_sensitive) {
  return value.is_text() && !case_sensitive ? machine.text(recased(value.text(), Casing::lower)) : value;
}

/// "a.b.0" as a path through items.
Value dig(Machine& machine, Value value, const Value& path) {
  if (!path.is_text()) return machine.item(value, path);
  for (const auto& step : split(path.text(), '.')) {
    const bool digits = !step.empty() && step.size() < 10 && step.find_first_not_of("0123456789") == std::string::npos;
    value = machine.item(value, digits ? Value::of(std::int64_t{std::stoll(step)}) : Value::of(step));
  }
  return value;
}

struct Keyed {
  Value key;
  Value value;
};

std::vector<Keyed> keyed(Machine& machine, const std::vector<Value>& values, const Value* attribute,
                         bool case_sensitive) {
  std::vector<Keyed> all;
  for (const auto& value : values) {
    const auto key = attribute == nullptr || attribute->is_none() ? value : dig(machine, value, *attribute);
    all.push_back({lower_case_key(machine, key, case_sensitive), value});
  }
  return all;
}

void sort_keyed(Machine& machine, std::vector<Keyed>& all, bool reverse) {
  machine.charge(all.size() * 8);
  bool known = true;
  std::stable_sort(all.begin(), all.end(), [&](const Keyed& a, const Keyed& b) {
    bool this_known = true;
    const bool result = reverse ? less(b.key, a.key, this_known) : less(a.key, b.key, this_known);
    known = known && this_known;
    return this_known && result;
  });
  if (!known) machine.fail("sort: the values have no order");
}

Value sorted(Machine& machine, const Value& value, Reader given, Arguments&) {
  auto all = keyed(machine, machine.items(value), given.find(2, "attribute"), given.flag(1, "case_sensitive", false));
  sort_keyed(machine, all, given.flag(0, "reverse", false));
  std::vector<Value> values;
  for (auto& one : all) values.push_back(std::move(one.value));
  return machine.list(std::move(values));
}

Value sorted_dict(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* dict = machine.defined(value).as_dict();
  if (dict == nullptr) machine.fail(std::string("dictsort of ") + value.type_name());
  const bool by_value = given.text(1, "by", "key") == "value";
  std::vector<Keyed> all;
  for (const auto& entry : dict->entries) {
    all.push_back(
        {lower_case_key(machine, by_value ? entry.second : entry.first, given.flag(0, "case_sensitive", false)),
         machine.list({entry.first, entry.second}, true)});
  }
  sort_keyed(machine, all, given.flag(2, "reverse", false));
  std::vector<Value> values;
  for (auto& one : all) values.push_back(std::move(one.value));
  return machine.list(std::move(values));
}

Value unique(Machine& machine, const Value& value, Reader given, Arguments&) {
  std::vector<Value> kept;
  std::vector<Value> keys;
  for (auto& one :
       keyed(machine, machine.items(value), given.find(1, "attribute"), given.flag(0, "case_sensitive", false))) {
    machine.charge(1 + keys.size() / 8);
    if (std::any_of(keys.begin(), keys.end(), [&](const Value& key) { return equal(key, one.key); })) continue;
    keys.push_back(one.key);
    kept.push_back(std::move(one.value));
  }
  return machine.list(std::move(kept));
}

template <bool largest>
Value extreme(Machine& machine, const Value& value, Reader given, Arguments&) {
  auto all = keyed(machine, machine.items(value), given.find(1, "attribute"), given.flag(0, "case_sensitive", false));
  if (all.empty()) return Value::undefined("no aggregated item, sequence was empty");
  const auto* best = &all[0];
  for (const auto& one : all) {
    bool known = true;
    if (largest ? less(best->key, one.key, known) : less(one.key, best->key, known)) best = &one;
    if (!known) machine.fail("min and max: the values have no order");
  }
  return best->value;
}

Value sum(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* attribute = given.find(0, "attribute");
  const auto* start = given.find(1, "start");
  auto total = start == nullptr ? Value::of(std::int64_t{0}) : *start;
  for (const auto& one : machine.items(value)) {
    total =
        machine.binary("+", total, attribute == nullptr || attribute->is_none() ? one : dig(machine, one, *attribute));
  }
  return total;
}

Arguments behind(const Arguments& given, std::size_t count) {
  Arguments rest;
  for (std::size_t i = count; i < given.positional.size(); ++i) rest.positional.push_back(given.positional[i]);
  rest.named = given.named;
  return rest;
}

Value map(Machine& machine, const Value& value, Reader given, Arguments& arguments) {
  const auto* attribute = given.find(SIZE_MAX, "attribute");
  const auto* other = given.find(SIZE_MAX, "default");
  std::vector<Value> all;
  for (const auto& one : machine.items(value)) {
    if (attribute != nullptr) {
      auto found = dig(machine, one, *attribute);
      all.push_back(found.is_undefined() && other != nullptr ? *other : std::move(found));
    } else {
      auto rest = behind(arguments, 1);
      all.push_back(machine.filter(given.text(0, "filter"), one, rest));
    }
  }
  return machine.list(std::move(all));
}

/// select, reject (no attribute), selectattr, rejectattr (the first argument names it).
template <bool wanted, bool by_attribute>
Value select(Machine& machine, const Value& value, Reader given, Arguments& arguments) {
  constexpr std::size_t skip = by_attribute ? 1 : 0;
  std::vector<Value> kept;
  for (const auto& one : machine.items(value)) {
    const auto looked_at = by_attribute ? dig(machine, one, given.want(0, "attribute")) : one;
    bool holds = looked_at.truth();
    if (arguments.positional.size() > skip) {
      auto rest = behind(arguments, skip + 1);
      holds = machine.test(given.text(skip, "test"), looked_at, rest);
    }
    if (holds == wanted) kept.push_back(one);
  }
  return machine.list(std::move(kept));
}

Value indent(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* width = given.find(0, "width");
  const bool is_text = width != nullptr && width->is_text();
  const auto spaces =
      is_text
          ? width->text()
          : std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(given.integer(0, "width", 4), 0, 1000)), ' ');
  const bool first_too = given.flag(1, "first", false);
  const bool blank_too = given.flag(2, "blank", false);
  const auto whole = machine.str(value) + "\n";
  std::string text;
  bool first_line = true;
  for (const auto line : split_lines(whole, false)) {
    if (!first_line) text += '\n';
    if (first_line ? first_too : (blank_too || !line.empty())) text += spaces;
    first_line = false;
    text += line;
    machine.charge(1 + spaces.size() / 64);
  }
  return machine.text(std::move(text));
}

Value escape(Machine& machine, const Value& value, Reader, Arguments&) {
  std::string text;
  for (const char byte : machine.str(value)) {
    switch (byte) {
      case '&':
        text += "&amp;";
        break;
      case '<':
        text += "&lt;";
        break;
      case '>':
        text += "&gt;";
        break;
      case '"':
        text += "&#34;";
        break;
      case '\'':
        text += "&#39;";
        break;
      default:
        text += byte;
    }
  }
  return machine.text(std::move(text));
}

const std::map<std::string_view, Filter>& filters() {
  static const std::map<std::string_view, Filter> all = {
      {"abs", absolute},
      {"capitalize", cased<Casing::capital>},
      {"count", length},
      {"d", fallback},
      {"default", fallback},
      {"dictsort", sorted_dict},
      {"e", escape},
      {"escape", escape},
      {"first", first},
      {"float", to_real},
      {"indent", indent},
      {"int", to_integer},
      {"items", items_of},
      {"join", join},
      {"last", last},
      {"length", length},
      {"list", as_list},
      {"lower", cased<Casing::lower>},
      {"map", map},
      {"max", extreme<true>},
      {"min", extreme<false>},
      {"reject", select<false, false>},
      {"rejectattr", select<false, true>},
      {"replace",
       [](Machine& m, const Value& v, Reader given, Arguments&) { return from_method("replace", m, v, given); }},
      {"reverse", reverse},
      {"round", rounded},
      {"safe", string},
      {"select", select<true, false>},
      {"selectattr", select<true, true>},
      {"sort", sorted},
      {"string", string},
      {"sum", sum},
      {"title", cased<Casing::title>},
      {"tojson", json},
      {"trim", [](Machine& m, const Value& v, Reader given, Arguments&) { return from_method("strip", m, v, given); }},
      {"unique", unique},
      {"upper", cased<Casing::upper>},
  };
  return all;
}

}  // namespace

Value Machine::filter(const std::string& name, const Value& value, Arguments& given) {
  const auto found = filters().find(name);
  if (found == filters().end()) fail("no filter named '" + name.substr(0, 40) + "'");
  charge(1);
  return found->second(*this, value, ArgumentReader(*this, name, given), given);
}

}  // namespace touchstone::jinja
