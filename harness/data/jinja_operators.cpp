// Operators, items, attributes.
#include <algorithm>
#include <cmath>

#include "harness/data/jinja_machine.hpp"

namespace touchstone::jinja {
namespace {

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

/// Whole numbers stay within 64 bits; what leaves them is an error, not a wrong number.
Value whole(const std::string& op, std::int64_t a, std::int64_t b, const Machine& machine) {
  std::int64_t result = 0;
  bool over = false;
  if (op == "+") {
    over = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    over = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    over = __builtin_mul_overflow(a, b, &result);
  } else if (op == "//" || op == "%") {
    if (b == 0) machine.fail("division by zero");
    over = b == -1 && a == INT64_MIN;
    if (!over) result = op == "//" ? floor_divide(a, b) : a - floor_divide(a, b) * b;
  } else {  // "**" with an exponent of 0 or more
    result = 1;
    for (std::int64_t i = 0; i < b && !over; ++i) {
      over = __builtin_mul_overflow(result, a, &result);
      if (result == 0 || result == 1 || (result == -1 && a == -1 && (b - i) % 2 == 1)) break;
    }
  }
  if (over) machine.fail("a number leaves 64 bits");
  return Value::of(result);
}

Value arithmetic(const std::string& op, const Value& a, const Value& b, const Machine& machine) {
  const bool reals = a.is_real() || b.is_real() || op == "/" || (op == "**" && b.integer() < 0);
  if (!reals) return whole(op, a.integer(), b.integer(), machine);
  const double x = a.real();
  const double y = b.real();
  if (op == "+") return Value::of(x + y);
  if (op == "-") return Value::of(x - y);
  if (op == "*") return Value::of(x * y);
  if (op == "**") return Value::of(std::pow(x, y));
  if (y == 0.0) machine.fail("division by zero");
  if (op == "/") return Value::of(x / y);
  if (op == "//") return Value::of(std::floor(x / y));
  return Value::of(x - std::floor(x / y) * y);
}

Value loop_attribute(const Loop& loop, const std::string& name) {
  const auto count = static_cast<std::int64_t>(loop.items->size());
  if (name == "index") return Value::of(loop.at + 1);
  if (name == "index0") return Value::of(loop.at);
  if (name == "revindex") return Value::of(count - loop.at);
  if (name == "revindex0") return Value::of(count - loop.at - 1);
  if (name == "first") return Value::of(loop.at == 0);
  if (name == "last") return Value::of(loop.at + 1 == count);
  if (name == "length") return Value::of(count);
  if (name == "depth") return Value::of(std::int64_t{loop.depth} + 1);
  if (name == "depth0") return Value::of(std::int64_t{loop.depth});
  if (name == "previtem")
    return loop.at > 0 ? (*loop.items)[static_cast<std::size_t>(loop.at) - 1]
                       : Value::undefined("there is no previous item");
  if (name == "nextitem")
    return loop.at + 1 < count ? (*loop.items)[static_cast<std::size_t>(loop.at) + 1]
                               : Value::undefined("there is no next item");
  if (name != "cycle") return Value::undefined("'loop' has no attribute '" + name + "'");
  const auto at = static_cast<std::size_t>(loop.at);
  return Value::callable("cycle", [at](Machine& machine, Arguments& given) {
    if (given.positional.empty()) machine.fail("loop.cycle() needs a value");
    return given.positional[at % given.positional.size()];
  });
}

/// The place in a sequence of `count` that an index names, or `count`.
std::size_t place(std::int64_t index, std::size_t count) {
  const auto size = static_cast<std::int64_t>(count);
  if (index < 0) index += size;
  return index < 0 || index >= size ? count : static_cast<std::size_t>(index);
}

}  // namespace

std::vector<std::size_t> code_point_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

std::vector<std::size_t> slice_places(std::size_t count, const Value& first, const Value& last, const Value& step,
                                      const Machine& machine) {
  for (const auto* bound : {&first, &last, &step}) {
    if (!bound->is_none() && !bound->is_integer() && !bound->is_boolean()) machine.fail("a slice takes whole numbers");
  }
  const auto size = static_cast<std::int64_t>(count);
  const auto by = step.is_none() ? 1 : step.integer();
  if (by == 0) machine.fail("a slice cannot step by zero");
  const auto low = by < 0 ? std::int64_t{-1} : std::int64_t{0};
  const auto high = by < 0 ? size - 1 : size;
  const auto bound = [&](const Value& value, std::int64_t fallback) {
    if (value.is_none()) return fallback;
    const auto index = value.integer();
    return std::clamp(index < 0 ? (index < -size ? low : index + size) : index, low, high);
  };
  const auto from = bound(first, by < 0 ? high : low);
  const auto to = bound(last, by < 0 ? low : high);
  std::vector<std::size_t> places;
  if (by > 0) {
    for (auto i = from; i < to; i += std::min(by, size + 1)) places.push_back(static_cast<std::size_t>(i));
  } else {
    for (auto i = from; i > to; i += std::max(by, -size - 1)) places.push_back(static_cast<std::size_t>(i));
  }
  return places;
}

Value Machine::binary(const std::string& op, const Value& left, const Value& right) {
  if (op == "~") return text(str(left) + str(right));
  defined(left);
  defined(right);
  if (left.is_number() && right.is_number()) return arithmetic(op, left, right, *this);
  if (op == "+" && left.is_text() && right.is_text()) return text(left.text() + right.text());
  const auto *a = left.as_list(), *b = right.as_list();
  if (op == "+" && a != nullptr && b != nullptr && a->is_tuple == b->is_tuple) {
    auto all = a->items;
    all.insert(all.end(), b->items.begin(), b->items.end());
    return list(std::move(all), a->is_tuple);
  }
  if (op == "*" && (left.is_text() || a != nullptr) && right.is_integer()) {
    const auto times = std::max<std::int64_t>(0, right.integer());
    const auto size = left.is_text() ? left.text().size() : a->items.size();
    if (size > 0 && static_cast<std::uint64_t>(times) > limits_.text_bytes / size) fail("repeats something too often");
    std::string repeated;
    std::vector<Value> items;
    for (std::int64_t i = 0; i < times && size > 0; ++i) {
      if (left.is_text()) {
        repeated += left.text();
      } else {
        items.insert(items.end(), a->items.begin(), a->items.end());
      }
    }
    return left.is_text() ? text(std::move(repeated)) : list(std::move(items), a->is_tuple);
  }
  if (op == "*" && left.is_integer() && (right.is_text() || b != nullptr)) return binary(op, right, left);
  fail(std::string("cannot compute ") + left.type_name() + " " + op + " " + right.type_name());
}

bool Machine::contains(const Value& container, const Value& wanted) {
  if (container.is_undefined()) return false;
  if (container.is_text()) {
    if (!wanted.is_text()) fail(std::string("cannot look for ") + wanted.type_name() + " in a text");
    charge(container.text().size() / 64);
    return container.text().find(wanted.text()) != std::string::npos;
  }
  if (const auto* dict = container.as_dict()) {
    charge(dict->entries.size() / 8);
    return dict->find(wanted) != nullptr;
  }
  const auto* list = container.as_list();
  if (list == nullptr) fail(std::string("cannot look into ") + container.type_name());
  charge(static_cast<std::size_t>(list->weight));
  return std::any_of(list->items.begin(), list->items.end(), [&](const Value& one) { return equal(one, wanted); });
}

bool Machine::compare(const std::string& op, const Value& left, const Value& right) {
  if (op == "in") return contains(right, left);
  if (op == "not in") return !contains(right, left);
  charge(static_cast<std::size_t>(8 * (std::min(left.weight(), right.weight()) - 1)));
  if (op == "==") return equal(left, right);
  if (op == "!=") return !equal(left, right);
  defined(left);
  defined(right);
  bool known = true;
  const bool is_less = op == "<" || op == ">=" ? less(left, right, known) : less(right, left, known);
  if (!known) fail(std::string("cannot order ") + left.type_name() + " and " + right.type_name());
  if (op == "<" || op == ">") return is_less;
  // Not "not less": nothing is at least a NaN.
  const bool nan = left.is_number() && right.is_number() && (std::isnan(left.real()) || std::isnan(right.real()));
  return !is_less && !nan;
}

std::vector<Value> Machine::items(const Value& value) {
  std::vector<Value> all;
  if (const auto* list = value.as_list()) {
    all = list->items;
  } else if (const auto* dict = value.as_dict()) {
    for (const auto& entry : dict->entries) all.push_back(entry.first);
  } else if (value.is_text()) {
    const auto starts = code_point_starts(value.text());
    charge(starts.size());
    for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
      all.push_back(Value::of(value.text().substr(starts[i], starts[i + 1] - starts[i])));
    }
    return all;
  } else if (!value.is_undefined()) {
    fail(std::string(value.type_name()) + " cannot be iterated over");
  }
  charge(all.size());
  return all;
}

Value Machine::attribute(const Value& value, const std::string& name) {
  defined(value);
  if (const auto method = find_method(value, name); method != nullptr) {
    const auto self = value;
    return Value::callable(name, [method, self, name](Machine& machine, Arguments& given) {
      return method(machine, self, ArgumentReader(machine, name, given));
    });
  }
  const Value* found = nullptr;
  if (const auto* dict = value.as_dict()) found = dict->find(name);
  if (const auto* space = value.as_namespace()) found = space->find(name);
  if (found != nullptr) return *found;
  if (const auto* loop = value.as_loop()) return loop_attribute(*loop, name);
  return Value::undefined(std::string("'") + value.type_name() + " object' has no attribute '" + name + "'");
}

Value Machine::item(const Value& value, const Value& key) {
  defined(value);
  if (const auto* dict = value.as_dict()) {
    charge(dict->entries.size() / 8);
    if (const auto* found = dict->find(key)) return *found;
  }
  if (key.is_text()) return attribute(value, key.text());
  const bool index = key.is_integer() || key.is_boolean();
  if (const auto* list = value.as_list(); list != nullptr && index) {
    const auto at = place(key.integer(), list->items.size());
    if (at < list->items.size()) return list->items[at];
  }
  if (value.is_text() && index) {
    const auto starts = code_point_starts(value.text());
    charge(starts.size() / 64);
    const auto at = place(key.integer(), starts.size() - 1);
    if (at + 1 < starts.size()) return Value::of(value.text().substr(starts[at], starts[at + 1] - starts[at]));
  }
  return Value::undefined(std::string("'") + value.type_name() + " object' has no element " + key.repr());
}

}  // namespace touchstone::jinja
