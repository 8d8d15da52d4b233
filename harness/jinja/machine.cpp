#include "harness/jinja/machine.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "harness/base/error.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/utf8.hpp"

namespace touchstone::jinja {
namespace {

constexpr int deepest_evaluation = 1500;  ///< C++ frames of evaluate and run_one: well inside a thread's stack

}  // namespace

Value* Scope::find(std::string_view name) {
  for (auto& entry : names) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  if (auto* found = find(name)) {
    *found = std::move(value);
  } else {
    names.emplace_back(name, std::move(value));
  }
}

class Machine::Level {
 public:
  explicit Level(Machine& machine, int line) : machine_(machine) {
    machine_.line_ = line;
    machine_.charge(1);
    if (++machine_.level_ > deepest_evaluation) {
      --machine_.level_;
      machine_.fail("an expression is nested deeper than " + std::to_string(deepest_evaluation) + " levels");
    }
  }
  ~Level() { --machine_.level_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Machine& machine_;
};

Machine::~Machine() {
  // A namespace may hold itself, or a macro that holds it. Such cycles are freed only when their entries are cleared.
  for (const auto& weak : namespaces_) {
    if (const auto space = weak.lock()) space->entries.clear();
  }
  top_->names.clear();
}

void Machine::fail(const std::string& what) const {
  throw Error(Fault::checkpoint, where_ + ": chat template line " + std::to_string(line_) + ": " + one_line(what, 500));
}

void Machine::charge(std::size_t operations) {
  used_ += static_cast<std::int64_t>(std::min<std::size_t>(operations, std::size_t{1} << 40));
  if (used_ > limits_.operations) fail("takes more than " + std::to_string(limits_.operations) + " operations");
}

Value Machine::text(std::string value) {
  if (value.size() > limits_.text_bytes)
    fail("makes a text of more than " + std::to_string(limits_.text_bytes) + " bytes");
  charge(value.size() / 256);
  return Value::of(std::move(value));
}

Value Machine::list(std::vector<Value> items, ListKind kind) {
  charge(items.size());
  return within_bounds(Value::list(std::move(items), kind));
}

Value Machine::within_bounds(Value value) const {
  if (value.depth() > limits_.depth) fail("nests values deeper than " + std::to_string(limits_.depth) + " levels");
  if (value.weight() > limits_.weight) fail("makes a value of more than " + std::to_string(limits_.weight) + " parts");
  return value;
}

Value Machine::dict(std::vector<std::pair<Value, Value>> entries) {
  if (entries.size() > limits_.dict_entries) {
    fail("makes a dictionary of more than " + std::to_string(limits_.dict_entries) + " entries");
  }
  charge(entries.size() * (1 + entries.size() / 16));
  std::vector<std::pair<Value, Value>> distinct;
  for (auto& entry : entries) {
    const auto* key = entry.first.as_list();
    if ((key != nullptr && !key->is_tuple()) || entry.first.as_dict() != nullptr) fail("a list cannot be a key");
    const auto same = std::find_if(distinct.begin(), distinct.end(),
                                   [&](const auto& other) { return equal(other.first, entry.first); });
    if (same == distinct.end()) {
      distinct.push_back(std::move(entry));
    } else {
      same->second = std::move(entry.second);
    }
  }
  return within_bounds(Value::dict(std::move(distinct)));
}

namespace {

/// Null when the value can be printed; else the part that Python prints by an address or by a class of its own.
const char* not_printable(const Value& value) {
  if (value.as_callable() != nullptr || value.as_loop() != nullptr || value.as_namespace() != nullptr) {
    return value.type_name();
  }
  if (const auto* list = value.as_list()) {
    if (list->kind == ListKind::iterator || list->kind == ListKind::range) return value.type_name();
    for (const auto& item : list->items) {
      if (const char* found = not_printable(item)) return found;
    }
  }
  if (const auto* dict = value.as_dict()) {
    for (const auto& entry : dict->entries) {
      if (const char* found = not_printable(entry.first)) return found;
      if (const char* found = not_printable(entry.second)) return found;
    }
  }
  return nullptr;
}

}  // namespace

std::string Machine::str(const Value& value) {
  charge(static_cast<std::size_t>(value.weight()));
  if (const char* found = not_printable(value)) fail(std::string(found) + " cannot be printed");
  return value.str();
}

Value Machine::make_namespace(Arguments& arguments) {
  auto space = std::make_shared<Namespace>();
  for (const auto& given : arguments.positional) {
    const auto* dict = given.as_dict();
    if (dict == nullptr) fail("namespace() takes dictionaries and named values");
    for (const auto& entry : dict->entries) space->set(entry.first.str(), entry.second);
  }
  for (auto& entry : arguments.named) space->set(entry.first, std::move(entry.second));
  namespaces_.push_back(space);
  return Value::name_space(std::move(space));
}

const Value& Machine::defined(const Value& value) const {
  if (value.is_undefined()) fail(value.what());
  return value;
}

std::string Machine::run(const Nodes& nodes) { return captured(nodes); }

std::string Machine::captured(const Nodes& nodes) {
  std::string text;
  std::string* before = out_;
  out_ = &text;
  if (run_inside(nodes) != Flow::on) fail("break or continue outside of a loop");
  out_ = before;
  return text;
}

/// In a scope of its own; the outermost nodes are in the outermost one.
Machine::Flow Machine::run_inside(const Nodes& nodes) {
  const auto around = scope_;
  if (level_ > 0) scope_ = std::make_shared<Scope>(around);
  const auto flow = run_all(nodes);
  scope_ = around;
  return flow;
}

void Machine::print(const std::string& text) {
  charge(text.size() / 256);
  if (out_->size() + text.size() > limits_.text_bytes) {
    fail("prints more than " + std::to_string(limits_.text_bytes) + " bytes");
  }
  *out_ += text;
}

Machine::Flow Machine::run_all(const Nodes& nodes) {
  for (const auto& node : nodes) {
    const auto flow = run_one(*node);
    if (flow != Flow::on) return flow;
  }
  return Flow::on;
}

Machine::Flow Machine::run_one(const Node& node) {
  const Level level(*this, node.line);
  using Kind = Node::Kind;
  switch (node.kind) {
    case Kind::data:
      print(node.text);
      break;
    case Kind::print:
      print(str(evaluate(*node.parts[0])));
      break;
    case Kind::set:
      assign(*node.parts[0], evaluate(*node.parts[1]));
      break;
    case Kind::set_block: {
      auto value = text(captured(node.body));
      if (node.parts[1] != nullptr) value = evaluate_filter(*node.parts[1], &value);
      assign(*node.parts[0], value);
      break;
    }
    case Kind::loop:
      return run_loop(node);
    case Kind::branch:
      for (std::size_t i = 0; i < node.bodies.size(); ++i) {
        if (evaluate(*node.parts[i]).truth()) return run_all(node.bodies[i]);
      }
      return run_all(node.other);
    case Kind::macro:
      scope_->set(node.text, macro_value(node));
      break;
    case Kind::filter_block: {
      const auto value = text(captured(node.body));
      print(str(evaluate_filter(*node.parts[0], &value)));
      break;
    }
    case Kind::call_block: {
      auto call_arguments = arguments(*node.parts[0], 1);
      call_arguments.named.emplace_back("caller", macro_value(node));
      print(str(call(evaluate(*node.parts[0]->parts[0]), call_arguments)));
      break;
    }
    case Kind::body_block:
      // Jinja2 compiles it to a function, so a break inside cannot leave a loop outside.
      if (run_inside(node.body) != Flow::on) fail("break or continue outside of a loop");
      break;
    case Kind::with_block: {
      const auto around = scope_;
      const auto inner = std::make_shared<Scope>(around);
      for (std::size_t i = 0; i < node.parts.size(); i += 2) {
        const auto value = evaluate(*node.parts[i + 1]);  // evaluated outside of the block
        scope_ = inner;
        assign(*node.parts[i], value);
        scope_ = around;
      }
      scope_ = inner;
      const auto flow = run_all(node.body);
      scope_ = around;
      return flow;
    }
    case Kind::break_loop:
      return Flow::broken;
    case Kind::continue_loop:
      return Flow::continued;
    default:
      fail("is broken");  // not reached: the parser makes only statements of these kinds
  }
  return Flow::on;
}

Machine::Flow Machine::run_loop(const Node& node) { return loop_over(node, items(evaluate(*node.parts[1])), 0); }

Machine::Flow Machine::loop_over(const Node& node, std::vector<Value> all, int depth) {
  const auto around = scope_;
  if (node.parts[2] != nullptr) {
    std::vector<Value> kept;
    for (auto& one : all) {
      scope_ = std::make_shared<Scope>(around);
      // Jinja2 refuses to read `loop` here: its items are not known yet.
      scope_->set("loop", Value::undefined("'loop' is undefined: the condition of a loop cannot read it"));
      assign(*node.parts[0], one);
      if (evaluate(*node.parts[2]).truth()) kept.push_back(std::move(one));
      scope_ = around;
    }
    all = std::move(kept);
  }
  // The items that the loop variable refers to live as long as anybody holds it.
  const auto held = std::make_shared<std::vector<Value>>(std::move(all));
  const auto state = std::shared_ptr<Loop>(new Loop, [held](Loop* loop) { delete loop; });
  state->items = held.get();
  state->depth = depth;
  state->around = around;
  if (!node.text.empty()) state->recursive = &node;
  bool ended = false;  // an iteration reached the end of the body: Jinja2's else depends on it
  for (std::size_t i = 0; i < held->size(); ++i) {
    charge(1);
    state->at = static_cast<std::int64_t>(i);
    scope_ = std::make_shared<Scope>(around);
    scope_->set("loop", Value::loop(state));
    assign(*node.parts[0], (*held)[i]);
    const auto flow = run_all(node.body);
    if (flow == Flow::broken) break;
    ended = ended || flow == Flow::on;
  }
  scope_ = around;
  if (ended) return Flow::on;
  scope_ = std::make_shared<Scope>(around);
  const auto flow = run_all(node.other);
  scope_ = around;
  return flow;
}

Value Machine::loop_again(const Loop& loop, Arguments& given) {
  const auto around = loop.around.lock();
  if (loop.recursive == nullptr || around == nullptr) fail("the loop is not 'recursive': it cannot be called");
  check_arguments(*this, "loop", given, {.names = "iterable", .needed = 1, .by_name = false});
  std::string printed;
  const auto scope = std::exchange(scope_, around);
  auto* const out = std::exchange(out_, &printed);
  const Level level(*this, line_);
  if (loop_over(*loop.recursive, items(given.positional[0]), loop.depth + 1) != Flow::on) {
    fail("break or continue outside of a loop");
  }
  out_ = out;
  scope_ = scope;
  return text(std::move(printed));
}

Value Machine::changed(Loop& loop, const Arguments& given) {
  auto now = list(given.positional, ListKind::tuple);
  const bool differs = loop.changed.is_undefined() || !equal(loop.changed, now);
  loop.changed = std::move(now);
  return Value::of(differs);
}

void Machine::assign(const Node& target, const Value& value) {
  if (target.kind == Node::Kind::name) return scope_->set(target.text, value);
  if (target.kind == Node::Kind::attribute) {
    auto* space = look_up(target.parts[0]->text).as_namespace();
    if (space == nullptr || !space->assignable)
      fail("cannot set an attribute of '" + target.parts[0]->text + "': it is not a namespace");
    if (value.depth() + 1 > limits_.depth)
      fail("nests values deeper than " + std::to_string(limits_.depth) + " levels");
    return space->set(target.text, value);
  }
  const auto all = items(value);
  if (all.size() != target.parts.size()) {
    fail("cannot assign " + std::to_string(all.size()) + " values to " + std::to_string(target.parts.size()) +
         " names");
  }
  for (std::size_t i = 0; i < all.size(); ++i) assign(*target.parts[i], all[i]);
}

Value Machine::macro_value(const Node& node) {
  // The macro sees the block that it stands in, if that block is still there at the call.
  const std::weak_ptr<Scope> around = scope_;
  const Node* body = &node;
  return Value::callable(node.text, [around, body](Machine& machine, Arguments& given) {
    auto found = around.lock();
    return machine.run_macro(*body, found != nullptr ? found : machine.top_, given);
  });
}

/// Assigns the arguments of a macro to its parameters, as Jinja2's Macro does; parameters without a value are left out.
void Machine::take_arguments(const Node& node, Scope& scope, Arguments& given) {
  const auto name = node.text.empty() ? std::string("caller") : node.text;
  const auto take = [&](const std::string& wanted) -> std::optional<Value> {
    const auto found =
        std::find_if(given.named.begin(), given.named.end(), [&](const auto& entry) { return entry.first == wanted; });
    if (found == given.named.end()) return std::nullopt;
    auto value = std::move(found->second);
    given.named.erase(found);
    return value;
  };
  const auto places = std::min(given.positional.size(), node.ops.size());
  for (std::size_t i = 0; i < places; ++i) scope.set(node.ops[i], given.positional[i]);
  for (std::size_t i = places; i < node.ops.size(); ++i) {
    if (auto value = take(node.ops[i])) scope.set(node.ops[i], std::move(*value));
  }
  if (node.reads_caller && scope.find("caller") == nullptr &&
      std::find(node.ops.begin(), node.ops.end(), "caller") == node.ops.end()) {
    auto caller = take("caller");
    scope.set("caller", caller && !caller->is_none() ? std::move(*caller) : Value::undefined("no caller defined"));
  }
  if (node.reads_kwargs) {
    std::vector<std::pair<Value, Value>> rest;
    for (auto& entry : given.named) rest.emplace_back(Value::of(entry.first), std::move(entry.second));
    scope.set("kwargs", dict(std::move(rest)));
  } else if (!given.named.empty()) {
    fail("macro '" + name + "' has no argument '" + given.named[0].first + "'");
  }
  if (node.reads_varargs) {
    const auto first = given.positional.begin() + static_cast<std::ptrdiff_t>(places);
    scope.set("varargs", list({first, given.positional.end()}, ListKind::tuple));
  } else if (given.positional.size() > places) {
    fail("macro '" + name + "' takes " + std::to_string(node.ops.size()) + " arguments, found " +
         std::to_string(given.positional.size()));
  }
}

Value Machine::run_macro(const Node& node, const std::shared_ptr<Scope>& around, Arguments& given) {
  auto scope = std::make_shared<Scope>(around);
  take_arguments(node, *scope, given);
  const auto before = std::exchange(scope_, scope);
  for (const auto& parameter : node.ops) {
    if (scope->find(parameter) != nullptr) continue;
    const auto fallback =
        std::find_if(node.named.begin(), node.named.end(), [&](const auto& entry) { return entry.first == parameter; });
    scope->set(parameter, fallback == node.named.end()
                              ? Value::undefined("parameter '" + parameter + "' was not provided")
                              : evaluate(*fallback->second));
  }
  auto value = text(captured(node.body));
  scope_ = before;
  return value;
}

Value Machine::look_up(const std::string& name) {
  for (auto scope = scope_.get(); scope != nullptr; scope = scope->around.get()) {
    if (const auto* found = scope->find(name)) return *found;
  }
  if (name == "self" || name == "lipsum") fail("'" + name + "' is not supported");
  return Value::undefined("'" + name + "' is undefined");
}

Arguments Machine::arguments(const Node& node, std::size_t first) {
  Arguments all;
  const auto add_named = [&](const std::string& name, Value value) {
    for (const auto& entry : all.named) {
      if (entry.first == name) fail("the argument '" + name + "' is given twice");
    }
    all.named.emplace_back(name, std::move(value));
  };
  for (const auto& entry : node.named) add_named(entry.first, evaluate(*entry.second));
  for (std::size_t i = first; i < node.parts.size(); ++i) {
    const auto& part = *node.parts[i];
    if (part.kind != Node::Kind::spread) {
      all.positional.push_back(evaluate(part));
      continue;
    }
    const auto value = evaluate(*part.parts[0]);
    if (part.text == "*") {
      for (auto& one : items(defined(value))) all.positional.push_back(std::move(one));
      continue;
    }
    const auto* dict = value.as_dict();
    if (dict == nullptr) fail(std::string("'**' takes a dictionary, found ") + value.type_name());
    for (const auto& entry : dict->entries) {
      if (!entry.first.is_text()) fail("'**' takes a dictionary whose keys are texts");
      add_named(entry.first.text(), entry.second);
    }
  }
  return all;
}

Value Machine::evaluate_filter(const Node& node, const Value* input) {
  // In a filter block the innermost filter of the chain has no operand: it applies to the block's output.
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
  if (whole == nullptr || !whole->is_sequence()) {
    return Value::undefined(std::string("a slice of ") + value.type_name() + " is undefined");
  }
  std::vector<Value> some;
  for (const auto i : slice_places(whole->items.size(), first, last, step, *this)) some.push_back(whole->items[i]);
  return list(std::move(some), whole->kind == ListKind::group ? ListKind::tuple : whole->kind);
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
  const Level level(*this, node.line);
  const auto part = [&](std::size_t i) { return evaluate(*node.parts[i]); };
  switch (node.kind) {
    case Kind::name:
      return look_up(node.text);
    case Kind::list:
    case Kind::tuple: {
      std::vector<Value> all;
      for (const auto& one : node.parts) all.push_back(evaluate(*one));
      return list(std::move(all), node.kind == Kind::tuple ? ListKind::tuple : ListKind::list);
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
      if (node.text == "+") return value.is_boolean() ? Value::of(value.integer()) : value;
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
      fail("is broken");  // not reached: the parser makes only expressions of these kinds
  }
}

Value Machine::call(const Value& callable, Arguments& given) {
  const auto* found = defined(callable).as_callable();
  const auto* loop = callable.as_loop();
  if (found == nullptr && loop == nullptr) fail(std::string(callable.type_name()) + " cannot be called");
  if (++calls_ > limits_.depth) {
    --calls_;
    fail("calls are nested deeper than " + std::to_string(limits_.depth) + " levels");
  }
  charge(1);
  auto value = loop != nullptr ? loop_again(*loop, given) : found->run(*this, given);
  --calls_;
  return value;
}

namespace {

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

/// Whole numbers must fit into 64 bits; overflow is an error, not a wrong number.
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

}  // namespace

Value Machine::loop_attribute(const Value& value, const std::string& name) {
  const auto& loop = *value.as_loop();
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
  if (name == "changed") {
    return Value::callable("changed", [value](Machine& machine, Arguments& given) {
      check_arguments(machine, "changed", given, {.by_name = false, .open = true});
      return machine.changed(*value.as_loop(), given);
    });
  }
  if (name != "cycle") return Value::undefined("'loop' has no attribute '" + name + "'");
  const auto at = static_cast<std::size_t>(loop.at);
  return Value::callable("cycle", [at](Machine& machine, Arguments& given) {
    if (given.positional.empty()) machine.fail("loop.cycle() needs a value");
    return given.positional[at % given.positional.size()];
  });
}

namespace {

/// The position in a sequence of `count` items that an index means; `count` when it is outside.
std::size_t place(std::int64_t index, std::size_t count) {
  const auto size = static_cast<std::int64_t>(count);
  if (index < 0) index += size;
  return index < 0 || index >= size ? count : static_cast<std::size_t>(index);
}

}  // namespace

std::vector<std::size_t> code_point_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_continuation(text[i])) starts.push_back(i);
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
  const auto repeats = [](const List* one) {
    return one != nullptr && (one->kind == ListKind::list || one->is_tuple());
  };
  if (op == "+" && repeats(a) && repeats(b) && a->is_tuple() == b->is_tuple()) {
    auto all = a->items;
    all.insert(all.end(), b->items.begin(), b->items.end());
    return list(std::move(all), a->is_tuple() ? ListKind::tuple : ListKind::list);
  }
  if (op == "%" && left.is_text()) return percent(left.text(), right);
  if (op == "*" && (left.is_text() || repeats(a)) && (right.is_integer() || right.is_boolean())) {
    const auto times = std::max<std::int64_t>(0, right.integer());
    const auto size = left.is_text() ? left.text().size() : a->items.size();
    if (size > 0 && static_cast<std::uint64_t>(times) > limits_.text_bytes / size) fail("repeats a value too often");
    std::string repeated;
    std::vector<Value> items;
    for (std::int64_t i = 0; i < times && size > 0; ++i) {
      if (left.is_text()) {
        repeated += left.text();
      } else {
        items.insert(items.end(), a->items.begin(), a->items.end());
      }
    }
    if (left.is_text()) return text(std::move(repeated));
    return list(std::move(items), a->is_tuple() ? ListKind::tuple : ListKind::list);
  }
  if (op == "*" && (left.is_integer() || left.is_boolean()) && (right.is_text() || repeats(b)))
    return binary(op, right, left);
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
  if (list->kind != ListKind::iterator) {
    return std::any_of(list->items.begin(), list->items.end(), [&](const Value& one) { return equal(one, wanted); });
  }
  while (list->taken < list->items.size()) {
    if (equal(list->items[list->taken++], wanted)) return true;
  }
  return false;
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
  // "Not less" is not enough: every comparison with a NaN is false.
  const bool nan = left.is_number() && right.is_number() && (std::isnan(left.real()) || std::isnan(right.real()));
  return !is_less && !nan;
}

std::vector<Value> Machine::items(const Value& value) {
  std::vector<Value> all;
  if (const auto* list = value.as_list()) {
    all.assign(list->items.begin() + static_cast<std::ptrdiff_t>(list->taken), list->items.end());
    if (list->kind == ListKind::iterator) list->taken = list->items.size();
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
      check_arguments(machine, name, given, method->signature);
      return method->run(machine, self, ArgumentReader(machine, name, given));
    });
  }
  if (value.as_callable() != nullptr) fail("an attribute of a function, '" + name + "', is not supported");
  if (const auto* group = value.as_list(); group != nullptr && group->kind == ListKind::group) {
    if (name == "grouper") return group->items[0];
    if (name == "list") return group->items[1];
  }
  const Value* found = nullptr;
  if (const auto* dict = value.as_dict()) found = dict->find(name);
  if (const auto* space = value.as_namespace()) found = space->find(name);
  if (found != nullptr) return *found;
  if (value.as_loop() != nullptr) return loop_attribute(value, name);
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
  if (const auto* list = value.as_list(); list != nullptr && list->is_sequence() && index) {
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
