// Tests ("is defined") and the functions that every template sees.
#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <map>

#include "harness/jinja/machine.hpp"
#include "harness/jinja/text.hpp"

namespace touchstone::jinja {
namespace {

using Reader = const ArgumentReader&;
using Test = bool (*)(Machine&, const Value&, Reader);

std::int64_t whole(Machine& machine, const Value& value) {
  if (!machine.defined(value).is_integer() && !value.is_boolean())
    machine.fail(std::string("the test wants a whole number, got ") + value.type_name());
  return value.integer();
}

bool is_sequence(const Value& v) { return v.is_text() || v.as_list() != nullptr || v.as_dict() != nullptr; }

bool is_same(Machine&, const Value& v, Reader given) {
  const auto& other = given.want(0, "other");
  return std::string_view(v.type_name()) == other.type_name() && equal(v, other);
}

const std::map<std::string_view, Test>& tests() {
  using M = Machine&;
  using V = const Value&;
  static const std::map<std::string_view, Test> all = {
      {"boolean", [](M, V v, Reader) { return v.is_boolean(); }},
      {"callable", [](M, V v, Reader) { return v.as_callable() != nullptr; }},
      {"defined", [](M, V v, Reader) { return !v.is_undefined(); }},
      {"divisibleby",
       [](M m, V v, Reader given) {
         const auto by = whole(m, given.want(0, "num"));
         if (by == 0) m.fail("division by zero");
         return by == -1 || whole(m, v) % by == 0;
       }},
      {"even", [](M m, V v, Reader) { return whole(m, v) % 2 == 0; }},
      {"odd", [](M m, V v, Reader) { return whole(m, v) % 2 != 0; }},
      {"false", [](M, V v, Reader) { return v.is_boolean() && !v.truth(); }},
      {"true", [](M, V v, Reader) { return v.is_boolean() && v.truth(); }},
      {"float", [](M, V v, Reader) { return v.is_real(); }},
      {"integer", [](M, V v, Reader) { return v.is_integer(); }},
      {"number", [](M, V v, Reader) { return v.is_number(); }},
      {"string", [](M, V v, Reader) { return v.is_text(); }},
      {"mapping", [](M, V v, Reader) { return v.as_dict() != nullptr; }},
      {"sequence", [](M, V v, Reader) { return is_sequence(v) || v.is_undefined(); }},
      {"iterable", [](M, V v, Reader) { return is_sequence(v) || v.is_undefined(); }},
      {"none", [](M, V v, Reader) { return v.is_none(); }},
      {"undefined", [](M, V v, Reader) { return v.is_undefined(); }},
      {"sameas", is_same},
      {"lower", [](M m, V v, Reader) { return is_all(m.str(v), Class::lower); }},
      {"upper", [](M m, V v, Reader) { return is_all(m.str(v), Class::upper); }},
      {"in", [](M m, V v, Reader given) { return m.contains(given.want(0, "seq"), v); }},
  };
  return all;
}

/// The operator that a test of this name stands for; empty when it is none.
std::string_view comparison(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> all = {{{"eq", "=="},
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
                                                                                  {"<", "<"}}};
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == name; });
  return found == all.end() ? std::string_view() : found->second;
}

Value range(Machine& machine, Arguments& given) {
  const ArgumentReader reader(machine, "range", given);
  const bool one = given.positional.size() < 2;
  const auto from = one ? 0 : reader.integer(0, "start", 0);
  const auto to = reader.integer(one ? 0 : 1, "stop", 0);
  const auto step = reader.integer(2, "step", 1);
  if (step == 0) machine.fail("range() cannot step by zero");
  // Jinja's own sandbox allows as many.
  constexpr std::int64_t most = 100'000;
  const auto span = step > 0 ? static_cast<double>(to) - static_cast<double>(from)
                             : static_cast<double>(from) - static_cast<double>(to);
  if (span / std::abs(static_cast<double>(step)) > most)
    machine.fail("range() of more than " + std::to_string(most) + " numbers");
  std::vector<Value> all;
  for (auto i = from; step > 0 ? i < to : i > to; i += step) all.push_back(Value::of(i));
  return machine.list(std::move(all));
}

Value raise(Machine& machine, Arguments& given) {
  machine.fail("the template refuses: " +
               ArgumentReader(machine, "raise_exception", given).text(0, "message").substr(0, 400));
}

Value now(Machine& machine, Arguments& given) {
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
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& one : given.positional) {
    if (one.as_dict() == nullptr) machine.fail("dict() takes dictionaries and named values");
    entries.insert(entries.end(), one.as_dict()->entries.begin(), one.as_dict()->entries.end());
  }
  for (auto& entry : given.named) entries.emplace_back(Value::of(entry.first), std::move(entry.second));
  return machine.dict(std::move(entries));
}

}  // namespace

bool Machine::test(const std::string& name, const Value& value, Arguments& given) {
  charge(1);
  const ArgumentReader reader(*this, name, given);
  if (const auto op = comparison(name); !op.empty()) return compare(std::string(op), value, reader.want(0, "other"));
  const auto found = tests().find(name);
  if (found == tests().end()) fail("no test named '" + name.substr(0, 40) + "'");
  return found->second(*this, value, reader);
}

void add_globals(Machine& machine) {
  const auto add = [&](const char* name, Value (*run)(Machine&, Arguments&)) {
    machine.set(name, Value::callable(name, run));
  };
  add("range", range);
  add("raise_exception", raise);
  add("strftime_now", now);
  add("dict", dict);
  add("namespace", [](Machine& m, Arguments& given) { return m.make_namespace(given); });
}

}  // namespace touchstone::jinja
