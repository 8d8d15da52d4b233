// Tests ("is defined") and the functions that every template sees.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <utility>

#include "harness/jinja/machine.hpp"
#include "harness/jinja/text.hpp"

namespace touchstone::jinja {
namespace {

using Reader = const ArgumentReader&;
struct Test {
  bool (*run)(Machine&, const Value&, Reader) = nullptr;
  Signature signature = {};
};

bool is_iterable(const Value& v) { return v.is_text() || v.as_list() != nullptr || v.as_dict() != nullptr; }

/// Whether the value has a length and items by number or name.
bool is_sequence(const Value& v) {
  return v.is_text() || v.as_dict() != nullptr || (v.as_list() != nullptr && v.as_list()->is_sequence());
}

bool is_same(Machine&, const Value& v, Reader given) {
  const auto& other = given.want(0, "other");
  return std::string_view(v.type_name()) == other.type_name() && equal(v, other);
}

/// Whether v % by == value.
bool leaves(Machine& m, const Value& v, const Value& by, std::int64_t rest) {
  if (!m.defined(v).is_number()) m.fail(std::string("the test takes a number, found ") + v.type_name());
  return equal(m.binary("%", v, by), Value::of(rest));
}

const std::map<std::string_view, Test>& tests() {
  using M = Machine&;
  using V = const Value&;
  static const std::map<std::string_view, Test> all = {
      {"boolean", {[](M, V v, Reader) { return v.is_boolean(); }}},
      // An undefined value raises when it is called, but Python's callable() says true for it.
      {"callable",
       {[](M, V v, Reader) { return v.as_callable() != nullptr || v.as_loop() != nullptr || v.is_undefined(); }}},
      {"defined", {[](M, V v, Reader) { return !v.is_undefined(); }}},
      {"divisibleby",
       {[](M m, V v, Reader given) { return leaves(m, v, given.want(0, "num"), 0); }, {.names = "num", .needed = 1}}},
      {"even", {[](M m, V v, Reader) { return leaves(m, v, Value::of(std::int64_t{2}), 0); }}},
      {"odd", {[](M m, V v, Reader) { return leaves(m, v, Value::of(std::int64_t{2}), 1); }}},
      {"false", {[](M, V v, Reader) { return v.is_boolean() && !v.truth(); }}},
      {"true", {[](M, V v, Reader) { return v.is_boolean() && v.truth(); }}},
      {"float", {[](M, V v, Reader) { return v.is_real(); }}},
      {"integer", {[](M, V v, Reader) { return v.is_integer(); }}},
      {"number", {[](M, V v, Reader) { return v.is_number(); }}},
      {"string", {[](M, V v, Reader) { return v.is_text(); }}},
      {"mapping", {[](M, V v, Reader) { return v.as_dict() != nullptr; }}},
      {"sequence", {[](M, V v, Reader) { return is_sequence(v) || v.is_undefined(); }}},
      {"iterable", {[](M, V v, Reader) { return is_iterable(v) || v.is_undefined() || v.as_loop() != nullptr; }}},
      {"none", {[](M, V v, Reader) { return v.is_none(); }}},
      {"undefined", {[](M, V v, Reader) { return v.is_undefined(); }}},
      {"sameas", {is_same, {.names = "other", .needed = 1}}},
      {"lower", {[](M m, V v, Reader) { return is_all(m.str(v), Class::lower); }}},
      {"upper", {[](M m, V v, Reader) { return is_all(m.str(v), Class::upper); }}},
      {"in",
       {[](M m, V v, Reader given) { return m.contains(given.want(0, "seq"), v); }, {.names = "seq", .needed = 1}}},
      {"filter", {[](M m, V v, Reader) { return v.is_text() && m.has_filter(v.text()); }}},
      {"test", {[](M m, V v, Reader) { return v.is_text() && m.has_test(v.text()); }}},
  };
  return all;
}

/// The operator that a test of this name means; empty when there is none.
std::string_view comparison(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 15> all = {{{"eq", "=="},
                                                                                  {"equalto", "=="},
                                                                                  {"==", "=="},
                                                                                  {"ne", "!="},
                                                                                  {"lt", "<"},
                                                                                  {"lessthan", "<"},
                                                                                  {"gt", ">"},
                                                                                  {"greaterthan", ">"},
                                                                                  {"le", "<="},
                                                                                  {"ge", ">="},
                                                                                  {"!=", "!="},
                                                                                  {">=", ">="},
                                                                                  {"<=", "<="},
                                                                                  {">", ">"},
                                                                                  {"<", "<"}}};
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == name; });
  return found == all.end() ? std::string_view() : found->second;
}

Value range(Machine& machine, Arguments& given) {
  check_arguments(machine, "range", given, {.names = "start stop step", .needed = 1, .by_name = false});
  const ArgumentReader reader(machine, "range", given);
  const bool one = given.positional.size() < 2;
  const auto from = one ? 0 : reader.integer(0, "start", 0);
  const auto to = reader.integer(one ? 0 : 1, "stop", 0);
  const auto step = reader.integer(2, "step", 1);
  if (step == 0) machine.fail("range() cannot step by zero");
  // The same limit as in Jinja's own sandbox.
  constexpr std::int64_t most = 100'000;
  const auto span = step > 0 ? static_cast<double>(to) - static_cast<double>(from)
                             : static_cast<double>(from) - static_cast<double>(to);
  if (span / std::abs(static_cast<double>(step)) > most)
    machine.fail("range() of more than " + std::to_string(most) + " numbers");
  std::vector<Value> all;
  for (auto i = from; step > 0 ? i < to : i > to; i += step) all.push_back(Value::of(i));
  return machine.list(std::move(all), ListKind::range);
}

Value raise(Machine& machine, Arguments& given) {
  check_arguments(machine, "raise_exception", given, {.names = "message", .needed = 1});
  machine.fail("the template refuses: " +
               ArgumentReader(machine, "raise_exception", given).text(0, "message").substr(0, 400));
}

Value now(Machine& machine, Arguments& given) {
  check_arguments(machine, "strftime_now", given, {.names = "format", .needed = 1});
  const auto format = ArgumentReader(machine, "strftime_now", given).text(0, "format");
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 256> text{};
  if (format.size() > 64) machine.fail("strftime_now: the format is longer than 64 bytes");
  const auto bytes = std::strftime(text.data(), text.size(), format.c_str(), &local);
  return machine.text(std::string(text.data(), bytes));
}

Value dict(Machine& machine, Arguments& given) {
  check_arguments(machine, "dict", {.positional = given.positional, .named = {}}, {.names = "pairs"});
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& one : given.positional) {
    if (one.as_dict() != nullptr) {
      entries.insert(entries.end(), one.as_dict()->entries.begin(), one.as_dict()->entries.end());
      continue;
    }
    for (const auto& item : machine.items(machine.defined(one))) {
      const auto pair = machine.items(item);
      if (pair.size() != 2) machine.fail("dict() takes a dictionary or pairs, and named values");
      entries.emplace_back(pair[0], pair[1]);
    }
  }
  for (auto& entry : given.named) entries.emplace_back(Value::of(entry.first), std::move(entry.second));
  return machine.dict(std::move(entries));
}

Value cycler(Machine& machine, Arguments& given) {
  check_arguments(machine, "cycler", given, {.by_name = false, .open = true});
  if (given.positional.empty()) machine.fail("cycler() needs a value");
  return machine.cycler(given.positional);
}

Value joiner(Machine& machine, Arguments& given) {
  check_arguments(machine, "joiner", given, {.names = "sep"});
  const auto* separator = ArgumentReader(machine, "joiner", given).find(0, "sep");
  const auto between = separator == nullptr ? Value::of(", ") : *separator;
  const auto used = std::make_shared<bool>(false);
  return Value::callable(
      "joiner", [between, used](Machine&, Arguments&) { return std::exchange(*used, true) ? between : Value::of(""); });
}

}  // namespace

bool Machine::test(const std::string& name, const Value& value, Arguments& given) {
  charge(1);
  const ArgumentReader reader(*this, name, given);
  if (const auto op = comparison(name); !op.empty()) {
    check_arguments(*this, name, given, {.names = "other", .needed = 1, .by_name = false});
    return compare(std::string(op), value, *reader.find(0, "other"));
  }
  const auto found = tests().find(name);
  if (found == tests().end()) fail("unknown test '" + name.substr(0, 40) + "'");
  check_arguments(*this, name, given, found->second.signature);
  return found->second.run(*this, value, reader);
}

bool Machine::has_test(const std::string& name) const { return tests().count(name) > 0 || !comparison(name).empty(); }

Value Machine::cycler(std::vector<Value> all) {
  auto space = std::make_shared<Namespace>();
  space->assignable = false;
  namespaces_.push_back(space);
  const auto at = std::make_shared<std::size_t>(0);
  const auto values = std::make_shared<const std::vector<Value>>(std::move(all));
  // A weak pointer, because the space holds these functions.
  const auto show = [self = std::weak_ptr<Namespace>(space), at, values] {
    if (const auto found = self.lock()) found->set("current", (*values)[*at]);
  };
  space->set("next", Value::callable("next", [show, at, values](Machine& machine, Arguments& given) {
               check_arguments(machine, "next", given, {});
               auto value = (*values)[*at];
               *at = (*at + 1) % values->size();
               show();
               return value;
             }));
  space->set("reset", Value::callable("reset", [show, at](Machine& machine, Arguments& given) {
               check_arguments(machine, "reset", given, {});
               *at = 0;
               show();
               return Value::none();
             }));
  show();
  return Value::name_space(std::move(space));
}

void add_globals(Machine& machine) {
  const auto add = [&](const char* name, Value (*run)(Machine&, Arguments&)) {
    machine.set(name, Value::callable(name, run));
  };
  add("range", range);
  add("raise_exception", raise);
  add("strftime_now", now);
  add("dict", dict);
  add("cycler", cycler);
  add("joiner", joiner);
  add("namespace", [](Machine& m, Arguments& given) { return m.make_namespace(given); });
}

}  // namespace touchstone::jinja
