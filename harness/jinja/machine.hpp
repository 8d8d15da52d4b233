#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/jinja/node.hpp"
#include "harness/jinja/value.hpp"

namespace touchstone::jinja {

/// The limits of one rendering. Where a text or a list is made, its length counts as operations too.
struct Limits {
  std::int64_t operations = 1'000'000;
  std::size_t text_bytes = std::size_t{1} << 20;  ///< of the output, and of any text made during rendering
  int depth = 32;                                 ///< of calls inside calls, and of lists inside lists
  std::int64_t weight = 200'000;                  ///< of one value with all its parts
  std::size_t dict_entries = 1024;
};

/// Names and values of one block, and the block around it.
struct Scope {
  explicit Scope(std::shared_ptr<Scope> outer) : around(std::move(outer)) {}
  Value* find(std::string_view name);
  void set(const std::string& name, Value value);
  std::vector<std::pair<std::string, Value>> names;
  std::shared_ptr<Scope> around;
};

/// Runs a parsed template once. Every error throws Fault::checkpoint naming the template's place and line.
class Machine {
 public:
  Machine(std::string where, const Limits& limits) : where_(std::move(where)), limits_(limits) {}
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// A variable of the outermost block.
  void set(const std::string& name, Value value) { top_->set(name, std::move(value)); }
  /// The output of a template.
  std::string run(const Nodes& nodes);

  // For filters, tests and methods:
  [[noreturn]] void fail(const std::string& what) const;
  void charge(std::size_t operations);
  /// Makes a text value, within the limits.
  Value text(std::string value);
  Value list(std::vector<Value> items, ListKind kind = ListKind::list);
  Value dict(std::vector<std::pair<Value, Value>> entries);
  /// The value's text, as {{ }} prints it.
  std::string str(const Value& value);
  Value make_namespace(Arguments& arguments);
  /// As Python's iter(): a list's items, a dictionary's keys, a text's characters, nothing for an undefined value. An
  /// iterator is empty afterwards.
  std::vector<Value> items(const Value& value);
  Value cycler(std::vector<Value> all);
  /// `format % values`, as Python's str.
  Value percent(const std::string& format, const Value& values);
  bool has_filter(const std::string& name) const;
  bool has_test(const std::string& name) const;
  Value attribute(const Value& value, const std::string& name);
  Value item(const Value& value, const Value& key);
  Value call(const Value& callable, Arguments& arguments);
  Value filter(const std::string& name, const Value& value, Arguments& arguments);
  bool test(const std::string& name, const Value& value, Arguments& arguments);
  /// `op` is one of Jinja's binary operators except "and" and "or".
  Value binary(const std::string& op, const Value& left, const Value& right);
  bool compare(const std::string& op, const Value& left, const Value& right);
  bool contains(const Value& container, const Value& wanted);
  /// Throws when the value is undefined.
  const Value& defined(const Value& value) const;

 private:
  enum class Flow : std::uint8_t { on, broken, continued };
  class Level;

  Value within_bounds(Value value) const;
  Flow run_all(const Nodes& nodes);
  Flow run_one(const Node& node);
  Flow run_loop(const Node& node);
  Flow loop_over(const Node& node, std::vector<Value> all, int depth);
  Flow run_inside(const Nodes& nodes);
  Value loop_again(const Loop& loop, Arguments& given);
  Value changed(Loop& loop, const Arguments& given);
  Value loop_attribute(const Value& value, const std::string& name);
  std::string captured(const Nodes& nodes);
  void print(const std::string& text);
  void assign(const Node& target, const Value& value);
  Value run_macro(const Node& node, const std::shared_ptr<Scope>& around, Arguments& arguments);
  void take_arguments(const Node& node, Scope& scope, Arguments& given);
  Value macro_value(const Node& node);

  Value evaluate(const Node& node);
  Value evaluate_compare(const Node& node);
  Value evaluate_call(const Node& node);
  Value evaluate_filter(const Node& node, const Value* input);
  Value evaluate_slice(const Node& node);
  Value look_up(const std::string& name);
  Arguments arguments(const Node& node, std::size_t first);

  std::string where_;
  Limits limits_;
  std::int64_t used_ = 0;
  int level_ = 0;  ///< nesting of evaluate and run_one
  int calls_ = 0;
  int line_ = 1;
  std::shared_ptr<Scope> top_ = std::make_shared<Scope>(nullptr);
  std::shared_ptr<Scope> scope_ = top_;
  std::string* out_ = nullptr;
  std::vector<std::weak_ptr<Namespace>> namespaces_;
};

/// Reads the arguments of a filter, test or method, by position or by name.
class ArgumentReader {
 public:
  ArgumentReader(Machine& machine, std::string name, const Arguments& arguments)
      : machine_(machine), name_(std::move(name)), arguments_(arguments) {}
  /// Null when it was not given.
  const Value* find(std::size_t place, std::string_view name) const;
  const Value& want(std::size_t place, std::string_view name) const;
  std::string text(std::size_t place, std::string_view name) const;
  std::string text(std::size_t place, std::string_view name, const std::string& fallback) const;
  std::int64_t integer(std::size_t place, std::string_view name, std::int64_t fallback) const;
  /// Every named argument that is not one of the parameters, for a function that takes any.
  const Arguments& all() const { return arguments_; }
  bool flag(std::size_t place, std::string_view name, bool fallback) const;

 private:
  Machine& machine_;
  std::string name_;
  const Arguments& arguments_;
};

/// The parameters of a function: their names, separated by blanks, and how many are required.
struct Signature {
  std::string_view names = {};
  std::size_t needed = 0;
  bool by_name = true;  ///< false: by position only, like most methods of Python's own types
  bool open = false;    ///< accepts any arguments
};
/// Throws where Python would: for too many, too few, unknown or repeated arguments.
void check_arguments(const Machine& machine, const std::string& name, const Arguments& given,
                     const Signature& signature);

struct Method {
  Value (*run)(Machine&, const Value& self, const ArgumentReader&) = nullptr;
  Signature signature;
};
/// Null when texts (dictionaries, lists, ...) have no such method.
const Method* find_method(const Value& self, std::string_view name);
/// The functions that every template sees: range, namespace, dict, cycler, joiner, raise_exception, strftime_now.
void add_globals(Machine& machine);
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent = {};  ///< of one level; absent: one line
  std::string between = ", ";
  std::string behind_key = ": ";
};
/// The value in the format of Python's json.dumps.
std::string to_json(Machine& machine, const Value& value, const JsonStyle& style);

/// [first, last) of the positions in a sequence of `count`, stepping by `step`, as Python's slice counts them.
std::vector<std::size_t> slice_places(std::size_t count, const Value& first, const Value& last, const Value& step,
                                      const Machine& machine);

/// The starts of the code points of a text, and its end.
std::vector<std::size_t> code_point_starts(std::string_view text);

}  // namespace touchstone::jinja
