#include "harness/data/jinja_machine.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/one_line.hpp"

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
      machine_.fail("is nested too deep");
    }
  }
  ~Level() { --machine_.level_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Machine& machine_;
};

Machine::~Machine() {
  // A namespace may hold itself or a macro that holds it: what it holds must go for it to go.
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

Value Machine::list(std::vector<Value> items, bool is_tuple) {
  charge(items.size());
  return within_bounds(Value::list(std::move(items), is_tuple));
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
    if (entry.first.as_list() != nullptr || entry.first.as_dict() != nullptr) fail("a list cannot be a key");
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

std::string Machine::str(const Value& value) {
  charge(static_cast<std::size_t>(value.weight()));
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

std::string Machine::run(const Nodes& nodes) {
  auto text = captured(nodes);
  return text;
}

std::string Machine::captured(const Nodes& nodes) {
  std::string text;
  std::string* before = out_;
  out_ = &text;
  if (run_all(nodes) != Flow::on) fail("break or continue outside of a loop");
  out_ = before;
  return text;
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
      scope_->set(node.text, macro_value(node, Value()));
      break;
    case Kind::filter_block: {
      const auto value = text(captured(node.body));
      print(str(evaluate_filter(*node.parts[0], &value)));
      break;
    }
    case Kind::call_block: {
      auto call_arguments = arguments(*node.parts[0], 1);
      call_arguments.named.emplace_back("caller", macro_value(node, Value()));
      print(str(call(evaluate(*node.parts[0]->parts[0]), call_arguments)));
      break;
    }
    case Kind::body_block:
      return run_all(node.body);
    case Kind::break_loop:
      return Flow::broken;
    case Kind::continue_loop:
      return Flow::continued;
    default:
      fail("is broken");  // not reached: the parser makes statements of these kinds alone
  }
  return Flow::on;
}

Machine::Flow Machine::run_loop(const Node& node) {
  auto all = items(evaluate(*node.parts[1]));
  const auto around = scope_;
  if (node.parts[2] != nullptr) {
    std::vector<Value> kept;
    for (auto& one : all) {
      scope_ = std::make_shared<Scope>(around);
      assign(*node.parts[0], one);
      if (evaluate(*node.parts[2]).truth()) kept.push_back(std::move(one));
      scope_ = around;
    }
    all = std::move(kept);
  }
  if (all.empty()) return run_all(node.other);
  // What the loop variable looks at lives as long as somebody holds it.
  const auto held = std::make_shared<std::vector<Value>>(std::move(all));
  const auto state = std::shared_ptr<Loop>(new Loop{held.get(), 0, loops_}, [held](Loop* loop) { delete loop; });
  ++loops_;
  for (std::size_t i = 0; i < held->size(); ++i) {
    charge(1);
    state->at = static_cast<std::int64_t>(i);
    scope_ = std::make_shared<Scope>(around);
    scope_->set("loop", Value::loop(state));
    assign(*node.parts[0], (*held)[i]);
    const auto flow = run_all(node.body);
    if (flow == Flow::broken) break;
  }
  scope_ = around;
  --loops_;
  return Flow::on;
}

void Machine::assign(const Node& target, const Value& value) {
  if (target.kind == Node::Kind::name) return scope_->set(target.text, value);
  if (target.kind == Node::Kind::attribute) {
    auto* space = look_up(target.parts[0]->text).as_namespace();
    if (space == nullptr) fail("cannot set an attribute of '" + target.parts[0]->text + "': it is no namespace");
    if (value.depth() + 1 > limits_.depth) fail("nests lists too deep");
    return space->set(target.text, value);
  }
  const auto all = items(value);
  if (all.size() != target.parts.size()) {
    fail("cannot take " + std::to_string(all.size()) + " values apart into " + std::to_string(target.parts.size()) +
         " names");
  }
  for (std::size_t i = 0; i < all.size(); ++i) assign(*target.parts[i], all[i]);
}

Value Machine::macro_value(const Node& node, const Value& caller) {
  // The macro sees the block it stands in, if that is still there when it is called.
  const std::weak_ptr<Scope> around = scope_;
  const Node* body = &node;
  return Value::callable(node.text, [around, body, caller](Machine& machine, Arguments& given) {
    auto found = around.lock();
    return machine.run_macro(*body, found != nullptr ? found : machine.top_, given, caller);
  });
}

Value Machine::run_macro(const Node& node, const std::shared_ptr<Scope>& around, Arguments& given, const Value&) {
  const auto name = node.text.empty() ? std::string("caller") : node.text;
  auto scope = std::make_shared<Scope>(around);
  if (given.positional.size() > node.ops.size()) {
    fail("macro '" + name + "' takes " + std::to_string(node.ops.size()) + " arguments, got " +
         std::to_string(given.positional.size()));
  }
  for (std::size_t i = 0; i < given.positional.size(); ++i) scope->set(node.ops[i], given.positional[i]);
  for (auto& entry : given.named) {
    const bool known =
        entry.first == "caller" || std::find(node.ops.begin(), node.ops.end(), entry.first) != node.ops.end();
    if (!known) fail("macro '" + name + "' has no argument '" + entry.first + "'");
    scope->set(entry.first, std::move(entry.second));
  }
  const auto before = scope_;
  scope_ = scope;
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

}  // namespace touchstone::jinja
