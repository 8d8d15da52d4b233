// Expressions.
#include <cmath>

#include "harness/data/jinja_machine.hpp"

namespace touchstone::jinja {

Value Machine::look_up(const std::string& name) {
  for (auto scope = scope_.get(); scope != nullptr; scope = scope->around.get()) {
    if (const auto* found = scope->find(name)) return *found;
  }
  return Value::undefined("'" + name + "' is undefined");
}

Arguments Machine::arguments(const Node& node, std::size_t first) {
  Arguments all;
  for (std::size_t i = first; i < node.parts.size(); ++i) all.positional.push_back(evaluate(*node.parts[i]));
  for (const auto& entry : node.named) all.named.emplace_back(entry.first, evaluate(*entry.second));
  return all;
}

Value Machine::evaluate_filter(const Node& node, const Value* input) {
  // In a filter block the innermost filter of the chain has no operand: it takes what the block prints.
  Value value;
  if (node.parts[0] == nullptr) {
    value = *input;
  } else if (node.parts[0]->kind == Node::Kind::filter) {
    value = evaluate_filter(*node.parts[0], input);
  } else {
    value = evaluate(*node.parts[0]);
  }
  charge(1);
  auto given = arguments(node, 1);
  line_ = node.line;
  return filter(node.text, value, given);
}

Value Machine::evaluate_compare(const Node& node) {
  auto left = evaluate(*node.parts[0]);
  for (std::size_t i = 0; i < node.ops.size(); ++i) {
    auto right = evaluate(*node.parts[i + 1]);
    if (!compare(node.ops[i], left, right)) return Value::of(false);
    left = std::move(right);
  }
  return Value::of(true);
}

Value Machine::evaluate_slice(const Node& node) {
  const auto value = evaluate(*node.parts[0]);
  const auto bound = [&](std::size_t i) { return node.parts[i] == nullptr ? Value::none() : evaluate(*node.parts[i]); };
  const auto first = bound(1);
  const auto last = bound(2);
  const auto step = bound(3);
  if (defined(value).is_text()) {
    const auto starts = code_point_starts(value.text());
    charge(starts.size() / 64);
    std::string cut;
    for (const auto i : slice_places(starts.size() - 1, first, last, step, *this)) {
      cut.append(value.text(), starts[i], starts[i + 1] - starts[i]);
    }
    return text(std::move(cut));
  }
  const auto* whole = value.as_list();
  if (whole == nullptr) fail(std::string("cannot take a slice of ") + value.type_name());
  std::vector<Value> some;
  for (const auto i : slice_places(whole->items.size(), first, last, step, *this)) some.push_back(whole->items[i]);
  return list(std::move(some), whole->is_tuple);
}

Value Machine::evaluate_call(const Node& node) {
  const auto callable = evaluate(*node.parts[0]);
  auto given = arguments(node, 1);
  line_ = node.line;
  return call(callable, given);
}

Value Machine::evaluate(const Node& node) {
  using Kind = Node::Kind;
  if (node.kind == Kind::constant) return node.value;
  if (++level_ > 1500) {
    --level_;
    fail("is nested too deep");
  }
  struct Leave {
    int& level;
    ~Leave() { --level; }
  } leave{level_};
  line_ = node.line;
  charge(1);
  const auto part = [&](std::size_t i) { return evaluate(*node.parts[i]); };
  switch (node.kind) {
    case Kind::name:
      return look_up(node.text);
    case Kind::list:
    case Kind::tuple: {
      std::vector<Value> all;
      for (const auto& one : node.parts) all.push_back(evaluate(*one));
      return list(std::move(all), node.kind == Kind::tuple);
    }
    case Kind::dict: {
      std::vector<std::pair<Value, Value>> entries;
      for (std::size_t i = 0; i < node.parts.size(); i += 2) {
        auto key = part(i);
        entries.emplace_back(std::move(key), part(i + 1));
      }
      return dict(std::move(entries));
    }
    case Kind::attribute:
      return attribute(part(0), node.text);
    case Kind::item: {
      const auto value = part(0);
      return item(value, part(1));
    }
    case Kind::slice:
      return evaluate_slice(node);
    case Kind::call:
      return evaluate_call(node);
    case Kind::filter:
      return evaluate_filter(node, nullptr);
    case Kind::test: {
      const auto value = part(0);
      auto given = arguments(node, 1);
      return Value::of(test(node.text, value, given));
    }
    case Kind::unary: {
      const auto value = part(0);
      if (node.text == "not") return Value::of(!value.truth());
      if (!defined(value).is_number()) fail("cannot take '" + node.text + "' of " + value.type_name());
      if (node.text == "+") return value;
      return value.is_real() ? Value::of(-value.real()) : binary("-", Value::of(std::int64_t{0}), value);
    }
    case Kind::binary: {
      auto left = part(0);
      if (node.text == "and") return left.truth() ? part(1) : left;
      if (node.text == "or") return left.truth() ? left : part(1);
      return binary(node.text, left, part(1));
    }
    case Kind::compare:
      return evaluate_compare(node);
    case Kind::conditional:
      if (part(0).truth()) return part(1);
      if (node.parts[2] != nullptr) return part(2);
      return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
    default:
      fail("is broken");  // not reached: the parser makes expressions of these kinds alone
  }
}

Value Machine::call(const Value& callable, Arguments& given) {
  const auto* found = defined(callable).as_callable();
  if (found == nullptr) fail(std::string(callable.type_name()) + " cannot be called");
  if (++calls_ > limits_.depth) {
    --calls_;
    fail("calls are nested deeper than " + std::to_string(limits_.depth) + " levels");
  }
  charge(1);
  auto value = found->run(*this, given);
  --calls_;
  return value;
}

}  // namespace touchstone::jinja
