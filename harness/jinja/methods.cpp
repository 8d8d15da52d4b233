// The methods that texts, lists and dictionaries have in Python, as far as templates use them.
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <map>

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
    machine_.fail("'" + name_ + "' wants a text as '" + std::string(name) + "', got " + value.type_name());
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
    machine_.fail("'" + name_ + "' wants a whole number as '" + std::string(name) + "', got " + found->type_name());
  }
  return found->integer();
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
    if (most >= 0) machine.fail("rsplit() with maxsplit needs a separator");
    return machine.list(texts(split_at_spaces(self.text(), -1)));
  }
  const auto by = given.text(0, "sep");
  if (by.empty()) machine.fail("rsplit() needs a separator that is not empty");
  return machine.list(texts(split_at_from_right(self.text(), by, most)));
}

Value splitlines_method(Machine& machine, const Value& self, Reader given) {
  machine.charge(self.text().size() / 64);
  return machine.list(texts(split_lines(self.text(), given.flag(0, "keepends", false))));
}

template <bool at_start>
Value affix_method(Machine& machine, const Value& self, Reader given) {
  const auto matches = [&](const Value& affix) {
    if (!affix.is_text()) machine.fail(std::string("startswith and endswith take texts, got ") + affix.type_name());
    return at_start ? self.text().starts_with(affix.text()) : self.text().ends_with(affix.text());
  };
  const auto& wanted = given.want(0, "prefix");
  if (const auto* list = wanted.as_list()) {
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

template <bool from_right>
Value find_method_of_text(Machine& machine, const Value& self, Reader given) {
  const auto& text = self.text();
  machine.charge(text.size() / 64);
  const auto wanted = given.text(0, "sub");
  const auto found = from_right ? text.rfind(wanted) : text.find(wanted);
  if (found == std::string::npos) return Value::of(std::int64_t{-1});
  return Value::of(static_cast<std::int64_t>(code_points(std::string_view(text).substr(0, found))));
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
  machine.charge(self.text().size() / 64);
  if (wanted.empty()) return Value::of(static_cast<std::int64_t>(code_points(self.text())) + 1);
  for (auto at = self.text().find(wanted); at != std::string::npos; at = self.text().find(wanted, at + wanted.size()))
    ++count;
  return Value::of(count);
}

Value join_method(Machine& machine, const Value& self, Reader given) {
  std::string joined;
  bool first = true;
  for (const auto& item : machine.items(given.want(0, "iterable"))) {
    if (!item.is_text()) machine.fail(std::string("join() takes texts, got ") + item.type_name());
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

template <Class wanted>
Value class_method(Machine& machine, const Value& self, Reader) {
  machine.charge(self.text().size() / 64);
  return Value::of(is_all(self.text(), wanted));
}

Value items_method(Machine& machine, const Value& self, Reader) {
  std::vector<Value> pairs;
  for (const auto& entry : self.as_dict()->entries) pairs.push_back(machine.list({entry.first, entry.second}, true));
  return machine.list(std::move(pairs));
}

Value keys_method(Machine& machine, const Value& self, Reader) { return machine.list(machine.items(self)); }

Value values_method(Machine& machine, const Value& self, Reader) {
  std::vector<Value> all;
  for (const auto& entry : self.as_dict()->entries) all.push_back(entry.second);
  return machine.list(std::move(all));
}

Value get_method(Machine& machine, const Value& self, Reader given) {
  machine.charge(self.as_dict()->entries.size() / 8);
  if (const auto* found = self.as_dict()->find(given.want(0, "key"))) return *found;
  const auto* fallback = given.find(1, "default");
  return fallback == nullptr ? Value::none() : *fallback;
}

Value copy_method(Machine&, const Value& self, Reader) { return self; }

Value index_method(Machine& machine, const Value& self, Reader given) {
  const auto& items = self.as_list()->items;
  machine.charge(static_cast<std::size_t>(self.weight()));
  const auto& wanted = given.want(0, "value");
  const auto found = std::find_if(items.begin(), items.end(), [&](const Value& one) { return equal(one, wanted); });
  if (found == items.end()) machine.fail("index(): the value is not in the list");
  return Value::of(static_cast<std::int64_t>(found - items.begin()));
}

const std::map<std::string_view, Method>& text_methods() {
  static const std::map<std::string_view, Method> methods = {
      {"strip", strip_method<true, true>},
      {"lstrip", strip_method<true, false>},
      {"rstrip", strip_method<false, true>},
      {"split", split_method},
      {"rsplit", rsplit_method},
      {"splitlines", splitlines_method},
      {"startswith", affix_method<true>},
      {"endswith", affix_method<false>},
      {"removeprefix", remove_affix_method<true>},
      {"removesuffix", remove_affix_method<false>},
      {"replace", replace_method},
      {"find", find_method_of_text<false>},
      {"rfind", find_method_of_text<true>},
      {"count", count_method},
      {"join", join_method},
      {"upper", case_method<Casing::upper>},
      {"lower", case_method<Casing::lower>},
      {"title", case_method<Casing::title>},
      {"capitalize", case_method<Casing::capital>},
      {"isdigit", class_method<Class::digit>},
      {"isalpha", class_method<Class::letter>},
      {"isalnum", class_method<Class::letter_or_digit>},
      {"isspace", class_method<Class::space>},
      {"isupper", class_method<Class::upper>},
      {"islower", class_method<Class::lower>},
  };
  return methods;
}

const std::map<std::string_view, Method>& dict_methods() {
  static const std::map<std::string_view, Method> methods = {{"items", items_method},
                                                             {"keys", keys_method},
                                                             {"values", values_method},
                                                             {"get", get_method},
                                                             {"copy", copy_method}};
  return methods;
}

const std::map<std::string_view, Method>& list_methods() {
  static const std::map<std::string_view, Method> methods = {
      {"count", count_method}, {"index", index_method}, {"copy", copy_method}};
  return methods;
}

}  // namespace

Method find_method(const Value& self, std::string_view name) {
  const auto look = [&](const std::map<std::string_view, Method>& methods) {
    const auto found = methods.find(name);
    return found == methods.end() ? nullptr : found->second;
  };
  if (self.is_text()) return look(text_methods());
  if (self.as_dict() != nullptr) return look(dict_methods());
  return self.as_list() != nullptr ? look(list_methods()) : nullptr;
}

}  // namespace touchstone::jinja
