#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "harness/base/text.hpp"
#include "harness/jinja/machine.hpp"
#include "harness/jinja/text.hpp"

namespace touchstone::jinja {
namespace {

using Reader = const ArgumentReader&;
struct Filter {
  Value (*run)(Machine&, const Value&, Reader, Arguments&) = nullptr;
  Signature signature;
};

Value from_method(const char* name, Machine& machine, const Value& value, Reader given) {
  const auto text = machine.text(machine.str(value));
  return find_method(text, name)->run(machine, text, given);
}

template <Casing casing>
Value cased(Machine& machine, const Value& value, Reader, Arguments&) {
  return machine.text(recased(machine.str(value), casing));
}

Value length(Machine& machine, const Value& value, Reader, Arguments&) {
  if (value.is_text()) return Value::of(static_cast<std::int64_t>(code_points(value.text())));
  if (const auto* list = value.as_list(); list != nullptr && list->kind != ListKind::iterator) {
    return Value::of(static_cast<std::int64_t>(list->items.size()));
  }
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

/// Splits "a.b.0" into a path of items.
Value dig(Machine& machine, Value value, const Value& path) {
  if (!path.is_text()) return machine.item(value, path);
  for (const auto& step : split(path.text(), '.')) {
    const bool digits = !step.empty() && step.size() < 10 && step.find_first_not_of("0123456789") == std::string::npos;
    value = machine.item(value, digits ? Value::of(std::int64_t{std::stoll(step)}) : Value::of(step));
  }
  return value;
}

Value join(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* separator = given.find(0, "d");
  const auto* attribute = given.find(1, "attribute");
  const auto between = separator == nullptr ? std::string() : machine.str(*separator);
  std::string joined;
  bool first = true;
  for (auto item : machine.items(value)) {
    if (attribute != nullptr && !attribute->is_none()) item = dig(machine, item, *attribute);
    if (!first) joined += between;
    first = false;
    joined += machine.str(item);
    machine.charge(1 + joined.size() / 4096);
  }
  return machine.text(std::move(joined));
}

Value first(Machine& machine, const Value& value, Reader, Arguments&) {
  if (const auto* list = value.as_list(); list != nullptr && list->kind == ListKind::iterator) {
    if (list->taken < list->items.size()) return list->items[list->taken++];
    return Value::undefined("no first item, the sequence was empty");
  }
  const auto all = machine.items(value);
  return all.empty() ? Value::undefined("no first item, the sequence was empty") : all.front();
}

Value last(Machine& machine, const Value& value, Reader, Arguments&) {
  if (const auto* list = value.as_list(); list != nullptr && list->kind == ListKind::iterator) {
    machine.fail("'last' needs a list: put '| list' before it");
  }
  const auto all = machine.items(value);
  return all.empty() ? Value::undefined("no last item, the sequence was empty") : all.back();
}

Value as_list(Machine& machine, const Value& value, Reader, Arguments&) { return machine.list(machine.items(value)); }

Value string(Machine& machine, const Value& value, Reader, Arguments&) { return machine.text(machine.str(value)); }

Value to_integer(Machine& machine, const Value& value, Reader given, Arguments&) {
  machine.defined(value);
  const auto* other = given.find(0, "default");
  const auto fallback = other == nullptr ? Value::of(std::int64_t{0}) : *other;
  const auto of_real = [&](double real) {
    if (!std::isfinite(real)) return fallback;
    if (!(std::fabs(real) < 9e18)) machine.fail("a whole number does not fit into 64 bits");
    return Value::of(static_cast<std::int64_t>(real));
  };
  if (value.is_real()) return of_real(value.real());
  if (value.is_number()) return Value::of(value.integer());
  if (!value.is_text()) return fallback;
  bool outside = false;
  const auto whole =
      to_whole(value.text(), static_cast<int>(std::clamp<std::int64_t>(given.integer(1, "base", 10), -1, 99)), outside);
  const auto real = whole ? std::nullopt : to_real(value.text(), outside);
  if (outside) machine.fail("the number '" + value.text().substr(0, 40) + "' is not supported");
  if (whole) return Value::of(*whole);
  return real ? of_real(*real) : fallback;
}

Value as_real(Machine& machine, const Value& value, Reader given, Arguments&) {
  if (machine.defined(value).is_number()) return Value::of(value.real());
  const auto* other = given.find(0, "default");
  bool outside = false;
  const auto real = value.is_text() ? to_real(value.text(), outside) : std::nullopt;
  if (outside) machine.fail("the number '" + value.text().substr(0, 40) + "' is not supported");
  if (real) return Value::of(*real);
  return other == nullptr ? Value::of(0.0) : *other;
}

Value absolute(Machine& machine, const Value& value, Reader, Arguments&) {
  if (!machine.defined(value).is_number())
    machine.fail(std::string("'abs' takes a number, found ") + value.type_name());
  if (value.is_real()) return Value::of(std::fabs(value.real()));
  return value.integer() < 0 ? machine.binary("-", Value::of(std::int64_t{0}), value) : Value::of(value.integer());
}

/// As Python's round(): a number exactly between two goes to the even one, judged by the stored (binary) number.
Value rounded_evenly(Machine& machine, const Value& value, std::int64_t digits) {
  if (!value.is_real()) {
    if (digits >= 0) return Value::of(value.integer());
    if (digits < -18) return Value::of(std::int64_t{0});
    std::int64_t unit = 1;
    for (auto i = digits; i < 0; ++i) unit *= 10;
    const auto number = value.integer();
    auto rest = number % unit;
    if (rest < 0) rest += unit;
    const auto below = number - rest;
    const bool up = rest > unit - rest || (rest == unit - rest && (below / unit) % 2 != 0);
    return up ? machine.binary("+", Value::of(below), Value::of(unit)) : Value::of(below);
  }
  if (!std::isfinite(value.real()) || digits > 300) return value;
  if (digits < 0) machine.fail("round of a float to tens is not supported");
  std::array<char, 700> text{};
  std::snprintf(text.data(), text.size(), "%.*f", static_cast<int>(digits), value.real());
  return Value::of(std::strtod(text.data(), nullptr));
}

Value rounded(Machine& machine, const Value& value, Reader given, Arguments&) {
  if (!machine.defined(value).is_number())
    machine.fail(std::string("'round' takes a number, found ") + value.type_name());
  const auto digits = std::clamp<std::int64_t>(given.integer(0, "precision", 0), -400, 400);
  const auto method = given.text(1, "method", "common");
  if (method == "common") return rounded_evenly(machine, value, digits);
  if (method != "ceil" && method != "floor") machine.fail("'round' takes the method common, ceil or floor");
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = value.real() * scale;
  return Value::of((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value json(Machine& machine, const Value& value, Reader given, Arguments&) {
  // The parameters of Hugging Face's own tojson, in its order: ensure_ascii, indent, separators, sort_keys.
  JsonStyle style{.ensure_ascii = given.flag(0, "ensure_ascii", false), .sort_keys = given.flag(3, "sort_keys", false)};
  if (const auto* indent = given.find(1, "indent"); indent != nullptr && !indent->is_none()) {
    constexpr std::int64_t widest = 64;
    const auto blanks = indent->is_text() ? 0 : std::clamp<std::int64_t>(given.integer(1, "indent", 0), 0, widest + 1);
    if (blanks > widest) machine.fail("'tojson' takes an indent of at most " + std::to_string(widest));
    style.indent = indent->is_text() ? indent->text() : std::string(static_cast<std::size_t>(blanks), ' ');
    style.between = ",";
  }
  if (const auto* separators = given.find(2, "separators"); separators != nullptr && !separators->is_none()) {
    const auto two = machine.items(machine.defined(*separators));
    if (two.size() != 2 || !two[0].is_text() || !two[1].is_text())
      machine.fail("'tojson' takes two texts as separators");
    style.between = two[0].text();
    style.behind_key = two[1].text();
  }
  return machine.text(to_json(machine, value, style));
}

Value items_of(Machine& machine, const Value& value, Reader given, Arguments&) {
  if (value.is_undefined()) return machine.list({}, ListKind::iterator);
  if (value.as_dict() == nullptr) machine.fail(std::string("'items' takes a dictionary, found ") + value.type_name());
  return machine.list(machine.items(find_method(value, "items")->run(machine, value, given)), ListKind::iterator);
}

Value reverse(Machine& machine, const Value& value, Reader, Arguments&) {
  auto all = machine.items(value);
  std::reverse(all.begin(), all.end());
  if (value.is_undefined()) return Value::of("");
  if (!value.is_text()) {
    const auto* list = value.as_list();
    const bool was_iterator = list != nullptr && list->kind == ListKind::iterator;
    return machine.list(std::move(all), was_iterator ? ListKind::list : ListKind::iterator);
  }
  std::string text;
  for (const auto& one : all) text += one.text();
  return machine.text(std::move(text));
}

Value lower_case_key(Machine& machine, const Value& value, bool case_sensitive) {
  return value.is_text() && !case_sensitive ? machine.text(recased(value.text(), Casing::lower)) : value;
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
  const auto* attribute = given.find(2, "attribute");
  const bool case_sensitive = given.flag(1, "case_sensitive", false);
  auto all = keyed(machine, machine.items(value), nullptr, true);
  const bool several = attribute != nullptr && attribute->is_text() && attribute->text().find(',') != std::string::npos;
  for (auto& one : all) {
    std::vector<Value> keys;
    if (attribute == nullptr || attribute->is_none()) {
      keys.push_back(one.value);
    } else if (several) {
      for (const auto& path : split(attribute->text(), ',')) keys.push_back(dig(machine, one.value, Value::of(path)));
    } else {
      keys.push_back(dig(machine, one.value, *attribute));
    }
    for (auto& key : keys) key = lower_case_key(machine, key, case_sensitive);
    one.key = keys.size() == 1 ? keys[0] : machine.list(std::move(keys));
  }
  sort_keyed(machine, all, given.flag(0, "reverse", false));
  std::vector<Value> values;
  for (auto& one : all) values.push_back(std::move(one.value));
  return machine.list(std::move(values));
}

Value sorted_dict(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* dict = machine.defined(value).as_dict();
  if (dict == nullptr) machine.fail(std::string("'dictsort' takes a dictionary, found ") + value.type_name());
  const auto by = given.text(1, "by", "key");
  if (by != "key" && by != "value") machine.fail("'dictsort' takes by='key' or by='value'");
  const bool by_value = by == "value";
  std::vector<Keyed> all;
  for (const auto& entry : dict->entries) {
    all.push_back(
        {lower_case_key(machine, by_value ? entry.second : entry.first, given.flag(0, "case_sensitive", false)),
         machine.list({entry.first, entry.second}, ListKind::tuple)});
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
  return machine.list(std::move(kept), ListKind::iterator);
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
  if (!value.truth()) return machine.list({}, ListKind::iterator);
  const auto* attribute = arguments.positional.empty() ? given.find(SIZE_MAX, "attribute") : nullptr;
  const auto* other = given.find(SIZE_MAX, "default");
  for (const auto& entry : arguments.named) {
    if (attribute != nullptr && entry.first != "attribute" && entry.first != "default") {
      machine.fail("'map' has no argument '" + entry.first + "'");
    }
  }
  std::vector<Value> all;
  for (const auto& one : machine.items(value)) {
    if (attribute != nullptr) {
      auto found = dig(machine, one, *attribute);
      all.push_back(found.is_undefined() && other != nullptr ? *other : found);
    } else {
      auto rest = behind(arguments, 1);
      all.push_back(machine.filter(given.text(0, "filter"), one, rest));
    }
  }
  return machine.list(std::move(all), ListKind::iterator);
}

/// select and reject (no attribute), selectattr and rejectattr (their first argument names the attribute).
template <bool wanted, bool by_attribute>
Value select(Machine& machine, const Value& value, Reader given, Arguments& arguments) {
  constexpr std::size_t skip = by_attribute ? 1 : 0;
  std::vector<Value> kept;
  if (!value.truth()) return machine.list({}, ListKind::iterator);
  if (by_attribute && arguments.positional.empty()) machine.fail("'selectattr' and 'rejectattr' need an attribute");
  for (const auto& one : machine.items(value)) {
    const auto looked_at = by_attribute ? dig(machine, one, given.want(0, "attribute")) : one;
    bool holds = looked_at.truth();
    if (arguments.positional.size() > skip) {
      auto rest = behind(arguments, skip + 1);
      holds = machine.test(given.text(skip, "test"), looked_at, rest);
    }
    if (holds == wanted) kept.push_back(one);
  }
  return machine.list(std::move(kept), ListKind::iterator);
}

Value group_by(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* other = given.find(1, "default");
  const bool case_sensitive = given.flag(2, "case_sensitive", false);
  std::vector<Keyed> all;
  for (const auto& one : machine.items(value)) {
    auto key = dig(machine, one, given.want(0, "attribute"));
    if (key.is_undefined() && other != nullptr) key = *other;
    all.push_back({key, one});
  }
  const auto folded = [&](const Value& key) { return lower_case_key(machine, key, case_sensitive); };
  std::vector<Keyed> sorted_ones;
  for (const auto& one : all) sorted_ones.push_back({folded(one.key), machine.list({one.key, one.value})});
  sort_keyed(machine, sorted_ones, false);
  std::vector<Value> groups;
  for (std::size_t i = 0; i < sorted_ones.size();) {
    const auto key = sorted_ones[i].key;
    // With case_sensitive each key has its own spelling; otherwise the group has that of its first value.
    const auto grouper = sorted_ones[i].value.as_list()->items[0];
    std::vector<Value> members;
    for (; i < sorted_ones.size() && equal(sorted_ones[i].key, key); ++i) {
      members.push_back(sorted_ones[i].value.as_list()->items[1]);
    }
    groups.push_back(machine.list({grouper, machine.list(std::move(members))}, ListKind::group));
  }
  return machine.list(std::move(groups));
}

Value batch(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto count = given.integer(0, "linecount", 0);
  const auto* fill = given.find(1, "fill_with");
  if (count < 1) machine.fail("'batch' takes a linecount of at least 1, found " + std::to_string(count));
  std::vector<Value> rows;
  std::vector<Value> row;
  for (auto& one : machine.items(value)) {
    row.push_back(std::move(one));
    if (static_cast<std::int64_t>(row.size()) < count) continue;
    rows.push_back(machine.list(std::move(row)));
    row.clear();
  }
  if (!row.empty()) {
    while (fill != nullptr && !fill->is_none() && static_cast<std::int64_t>(row.size()) < count) {
      machine.charge(1);
      row.push_back(*fill);
    }
    rows.push_back(machine.list(std::move(row)));
  }
  return machine.list(std::move(rows), ListKind::iterator);
}

Value slices(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto count = given.integer(0, "slices", 0);
  if (count < 1) machine.fail("'slice' takes at least 1 as slices, found " + std::to_string(count));
  const auto* fill = given.find(1, "fill_with");
  const auto all = machine.items(value);
  machine.charge(static_cast<std::size_t>(count));
  const auto size = static_cast<std::int64_t>(all.size());
  std::vector<Value> rows;
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<Value> row;
    for (const auto end = at + size / count + (i < size % count ? 1 : 0); at < end; ++at) {
      row.push_back(all[static_cast<std::size_t>(at)]);
    }
    if (fill != nullptr && !fill->is_none() && i >= size % count) row.push_back(*fill);
    rows.push_back(machine.list(std::move(row)));
  }
  return machine.list(std::move(rows), ListKind::iterator);
}

Value format(Machine& machine, const Value& value, Reader, Arguments& given) {
  if (!given.positional.empty() && !given.named.empty())
    machine.fail("'format' takes arguments by place or by name, not both");
  const auto text = machine.str(value);
  if (given.named.empty()) return machine.percent(text, machine.list(given.positional, ListKind::tuple));
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& entry : given.named) entries.emplace_back(Value::of(entry.first), entry.second);
  return machine.percent(text, machine.dict(std::move(entries)));
}

Value title(Machine& machine, const Value& value, Reader, Arguments&) {
  const auto text = machine.str(value);
  const auto starts = code_point_starts(text);
  machine.charge(starts.size() / 16);
  const auto splits = [&](std::size_t i) {
    const auto one = std::string_view(text).substr(starts[i], starts[i + 1] - starts[i]);
    return (one.size() == 1 && std::string_view("-({[<").find(one[0]) != std::string_view::npos) || strip(one).empty();
  };
  std::string out;
  for (std::size_t i = 0; i + 1 < starts.size();) {
    if (splits(i)) {
      out.append(text, starts[i], starts[i + 1] - starts[i]);
      ++i;
      continue;
    }
    const auto first = i++;
    while (i + 1 < starts.size() && !splits(i)) ++i;
    const auto word = std::string_view(text).substr(starts[first], starts[i] - starts[first]);
    const auto head = starts[first + 1] - starts[first];
    out += recased(word.substr(0, head), Casing::upper) + recased(word.substr(head), Casing::lower);
  }
  return machine.text(std::move(out));
}

Value word_count(Machine& machine, const Value& value, Reader, Arguments&) {
  const auto text = machine.str(value);
  const auto starts = code_point_starts(text);
  machine.charge(starts.size());
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    const auto one = std::string_view(text).substr(starts[i], starts[i + 1] - starts[i]);
    const bool word = one == "_" || is_all(one, Class::letter_or_digit);
    if (word && !inside) ++words;
    inside = word;
  }
  return Value::of(words);
}

/// Removes everything from each `open` to the next `close`; an `open` that is never closed stays.
std::string without_between(std::string text, std::string_view open, std::string_view close) {
  for (auto first = text.find(open); first != std::string::npos; first = text.find(open, first)) {
    const auto last = text.find(close, first);
    if (last == std::string::npos) break;
    text.erase(first, last + close.size() - first);
  }
  return text;
}

Value strip_tags(Machine& machine, const Value& value, Reader, Arguments&) {
  auto text = machine.str(value);
  machine.charge(text.size() / 16 * (1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '<')) / 16));
  text = without_between(without_between(std::move(text), "<!--", "-->"), "<", ">");
  std::string out;
  for (const auto word : split_at_spaces(text, -1)) (out += out.empty() ? "" : " ") += word;
  // The named characters of HTML: the five that escape writes. Any other name is refused, not kept.
  constexpr std::array<std::pair<std::string_view, char>, 7> named = {{{"&lt;", '<'},
                                                                       {"&gt;", '>'},
                                                                       {"&quot;", '"'},
                                                                       {"&#34;", '"'},
                                                                       {"&#39;", '\''},
                                                                       {"&apos;", '\''},
                                                                       {"&amp;", '&'}}};
  std::string plain;
  for (std::size_t at = 0; at < out.size();) {
    const auto rest = std::string_view(out).substr(at);
    const auto found =
        std::find_if(named.begin(), named.end(), [&](const auto& one) { return rest.starts_with(one.first); });
    if (found != named.end()) {
      plain += found->second;
      at += found->first.size();
      continue;
    }
    if (rest.size() > 1 && rest[0] == '&' &&
        (std::isalnum(static_cast<unsigned char>(rest[1])) != 0 || rest[1] == '#')) {
      machine.fail("'striptags': the character reference '" + std::string(rest.substr(0, 12)) + "' is not supported");
    }
    plain += out[at++];
  }
  return machine.text(std::move(plain));
}

std::string url_quoted(std::string_view text, bool for_query) {
  std::string out;
  for (const char byte : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
                       std::string_view("_.-~").find(byte) != std::string_view::npos || (byte == '/' && !for_query);
    if (plain && static_cast<unsigned char>(byte) < 0x80) {
      out += byte;
    } else if (byte == ' ' && for_query) {
      out += '+';
    } else {
      constexpr std::string_view digits = "0123456789ABCDEF";
      out += '%';
      out += digits[static_cast<unsigned char>(byte) >> 4];
      out += digits[static_cast<unsigned char>(byte) & 15U];
    }
  }
  return out;
}

Value url_encoded(Machine& machine, const Value& value, Reader, Arguments&) {
  if (value.is_text() || value.is_number() || value.is_none()) {
    return machine.text(url_quoted(machine.str(value), false));
  }
  const auto* dict = value.as_dict();
  std::string out;
  for (const auto& one :
       dict != nullptr
           ? machine.items(find_method(value, "items")->run(machine, value, ArgumentReader(machine, "items", {})))
           : machine.items(value)) {
    const auto pair = machine.items(one);
    if (pair.size() != 2) machine.fail("'urlencode' takes a text, a dictionary or pairs");
    if (!out.empty()) out += '&';
    out += url_quoted(machine.str(pair[0]), true) + '=' + url_quoted(machine.str(pair[1]), true);
    machine.charge(1);
  }
  return machine.text(std::move(out));
}

Value truncated(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto text = machine.str(value);
  const auto starts = code_point_starts(text);
  const auto size = static_cast<std::int64_t>(starts.size()) - 1;
  const auto length = given.integer(0, "length", 255);
  const auto end = given.text(2, "end", "...");
  const auto leeway = given.integer(3, "leeway", 5);
  const auto kept = length - static_cast<std::int64_t>(code_points(end));
  if (kept < 0 || leeway < 0)
    machine.fail("'truncate' takes an end no longer than the length, and a leeway of at least 0");
  if (size <= length || size - length <= leeway) return Value::of(text);
  auto part = text.substr(0, starts[static_cast<std::size_t>(kept)]);
  if (!given.flag(1, "killwords", false)) {
    if (const auto blank = part.rfind(' '); blank != std::string::npos) part.resize(blank);
  }
  return machine.text(part + end);
}

Value centered(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto text = machine.text(machine.str(value));
  const Arguments width{.positional = {Value::of(given.integer(0, "width", 80))}, .named = {}};
  return find_method(text, "center")->run(machine, text, ArgumentReader(machine, "center", width));
}

/// As getattr: the entries of a dictionary are not attributes.
Value attr(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto name = given.text(0, "name");
  const bool plain = value.as_dict() != nullptr && find_method(value, name) == nullptr;
  return plain ? Value::undefined("'dict object' has no attribute '" + name + "'") : machine.attribute(value, name);
}

Value replace(Machine& machine, const Value& value, Reader given, Arguments&) {
  const auto* count = given.find(2, "count");
  if (count != nullptr && !count->is_none() && !count->is_integer())
    machine.fail("'replace' takes a whole number as count");
  return machine.text(replaced(machine, machine.str(value), machine.str(*given.find(0, "old")),
                               machine.str(*given.find(1, "new")), given.integer(2, "count", -1)));
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
  constexpr Signature none = {};
  constexpr Signature open = {.open = true};
  constexpr Signature ordered = {.names = "case_sensitive attribute"};
  static const std::map<std::string_view, Filter> all = {
      {"abs", {absolute, none}},
      {"attr", {attr, {.names = "name", .needed = 1}}},
      {"batch", {batch, {.names = "linecount fill_with", .needed = 1}}},
      {"capitalize", {cased<Casing::capital>, none}},
      {"center", {centered, {.names = "width"}}},
      {"count", {length, none}},
      {"d", {fallback, {.names = "default_value boolean"}}},
      {"default", {fallback, {.names = "default_value boolean"}}},
      {"dictsort", {sorted_dict, {.names = "case_sensitive by reverse"}}},
      {"e", {escape, none}},
      {"escape", {escape, none}},
      {"first", {first, none}},
      {"float", {as_real, {.names = "default"}}},
      {"forceescape", {escape, none}},
      {"format", {format, open}},
      {"groupby", {group_by, {.names = "attribute default case_sensitive", .needed = 1}}},
      {"indent", {indent, {.names = "width first blank"}}},
      {"int", {to_integer, {.names = "default base"}}},
      {"items", {items_of, none}},
      {"join", {join, {.names = "d attribute"}}},
      {"last", {last, none}},
      {"length", {length, none}},
      {"list", {as_list, none}},
      {"lower", {cased<Casing::lower>, none}},
      {"map", {map, open}},
      {"max", {extreme<true>, ordered}},
      {"min", {extreme<false>, ordered}},
      {"reject", {select<false, false>, open}},
      {"rejectattr", {select<false, true>, open}},
      {"replace", {replace, {.names = "old new count", .needed = 2}}},
      {"reverse", {reverse, none}},
      {"round", {rounded, {.names = "precision method"}}},
      {"safe", {string, none}},
      {"select", {select<true, false>, open}},
      {"selectattr", {select<true, true>, open}},
      {"slice", {slices, {.names = "slices fill_with", .needed = 1}}},
      {"sort", {sorted, {.names = "reverse case_sensitive attribute"}}},
      {"string", {string, none}},
      {"striptags", {strip_tags, none}},
      {"sum", {sum, {.names = "attribute start"}}},
      {"title", {title, none}},
      {"tojson", {json, {.names = "ensure_ascii indent separators sort_keys"}}},
      {"trim",
       {[](Machine& m, const Value& v, Reader given, Arguments&) { return from_method("strip", m, v, given); },
        {.names = "chars"}}},
      {"truncate", {truncated, {.names = "length killwords end leeway"}}},
      {"unique", {unique, ordered}},
      {"upper", {cased<Casing::upper>, none}},
      {"urlencode", {url_encoded, none}},
      {"wordcount", {word_count, none}},
  };
  return all;
}

}  // namespace

bool Machine::has_filter(const std::string& name) const { return filters().count(name) > 0; }

Value Machine::filter(const std::string& name, const Value& value, Arguments& given) {
  const auto found = filters().find(name);
  if (found == filters().end()) fail("unknown filter '" + name.substr(0, 40) + "'");
  charge(1);
  check_arguments(*this, name, given, found->second.signature);
  return found->second.run(*this, value, ArgumentReader(*this, name, given), given);
}

}  // namespace touchstone::jinja
