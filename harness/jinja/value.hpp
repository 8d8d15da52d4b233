#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace touchstone::jinja {

class Machine;
class Value;

/// The Python type that a list of ours stands for.
enum class ListKind : std::uint8_t {
  list,
  tuple,
  group,     ///< of groupby: a tuple of .grouper and .list
  range,     ///< of range()
  keys,      ///< of a dictionary: no items by number
  values,    ///< the same
  items,     ///< the same
  iterator,  ///< of map, select and the like: always true, without length, empty after one iteration
};

struct List;
struct Dict;
struct Namespace;
struct Loop;
struct Callable;

/// A value of a template. Texts, lists and dictionaries never change once made, so copies share them.
class Value {
 public:
  struct Undefined {
    std::string what;  ///< "'tools' is undefined": the message when the value is needed after all
  };
  struct None {};
  using Text = std::shared_ptr<const std::string>;

  Value() : held_(Undefined{}) {}
  static Value undefined(std::string what) { return Value(Undefined{std::move(what)}); }
  static Value none() { return Value(None{}); }
  static Value of(bool value) { return Value(value); }
  static Value of(std::int64_t value) { return Value(value); }
  static Value of(double value) { return Value(value); }
  static Value of(std::string text) { return Value(std::make_shared<const std::string>(std::move(text))); }
  static Value of(std::string_view text) { return of(std::string(text)); }
  static Value of(const char* text) { return of(std::string(text)); }
  static Value list(std::vector<Value> items, ListKind kind);
  static Value dict(std::vector<std::pair<Value, Value>> entries);
  static Value name_space(std::shared_ptr<Namespace> space) { return Value(std::move(space)); }
  static Value loop(std::shared_ptr<Loop> loop) { return Value(std::move(loop)); }
  static Value callable(std::string name, std::function<Value(Machine&, struct Arguments&)> run);

  bool is_undefined() const { return std::holds_alternative<Undefined>(held_); }
  bool is_none() const { return std::holds_alternative<None>(held_); }
  bool is_boolean() const { return std::holds_alternative<bool>(held_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(held_); }
  bool is_real() const { return std::holds_alternative<double>(held_); }
  bool is_number() const { return is_boolean() || is_integer() || is_real(); }
  bool is_text() const { return std::holds_alternative<Text>(held_); }

  const std::string& text() const { return *std::get<Text>(held_); }
  const std::string& what() const { return std::get<Undefined>(held_).what; }
  /// The number, with True as 1.
  std::int64_t integer() const {
    return is_boolean() ? std::int64_t{std::get<bool>(held_)} : std::get<std::int64_t>(held_);
  }
  double real() const { return is_real() ? std::get<double>(held_) : static_cast<double>(integer()); }
  /// Null when the value is of another kind.
  const List* as_list() const;
  const Dict* as_dict() const;
  Namespace* as_namespace() const;
  Loop* as_loop() const;
  const Callable* as_callable() const;

  /// As Python's bool().
  bool truth() const;
  /// As Python's str(): what {{ }} prints.
  std::string str() const;
  /// As Python's repr(): with quotes round texts.
  std::string repr() const;
  /// "str", "int", "dict", ...
  const char* type_name() const;
  /// How deep lists and dictionaries are nested: 0 for a plain value.
  int depth() const;
  /// The cost of walking over all of it: 1 for a number, more for long texts, for a list the sum over its items.
  std::int64_t weight() const;

 private:
  template <class Held>
  explicit Value(Held held) : held_(std::move(held)) {}
  std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const List>,
               std::shared_ptr<const Dict>, std::shared_ptr<Namespace>, std::shared_ptr<Loop>,
               std::shared_ptr<const Callable>>
      held_;
};

struct List {
  std::vector<Value> items;
  ListKind kind = ListKind::list;
  int depth = 1;
  std::int64_t weight = 1;
  mutable std::size_t taken = 0;  ///< items of an iterator that were already taken

  bool is_tuple() const { return kind == ListKind::tuple || kind == ListKind::group; }
  /// Whether items can be accessed by number.
  bool is_sequence() const { return kind == ListKind::list || is_tuple() || kind == ListKind::range; }
};

struct Dict {
  std::vector<std::pair<Value, Value>> entries;  ///< all keys are different
  int depth = 1;
  std::int64_t weight = 1;
  /// Null when there is no such key.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
};

/// The only mutable value of a template: {% set ns.x = ... %}. A cycler is one that refuses assignments.
struct Namespace {
  bool assignable = true;
  std::vector<std::pair<std::string, Value>> entries;
  const Value* find(std::string_view key) const;
  void set(const std::string& key, Value value);
};

/// The variable `loop`.
struct Loop {
  const std::vector<Value>* items = nullptr;
  std::int64_t at = 0;                     ///< 0-based
  int depth = 0;                           ///< of recursion: calls of loop() around this one
  Value changed;                           ///< the last arguments of changed(), as a tuple; undefined before
  const struct Node* recursive = nullptr;  ///< the loop that loop() repeats
  std::weak_ptr<struct Scope> around;      ///< the scope that it stands in
};

/// The arguments of a call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Callable {
  std::string name;
  std::function<Value(Machine&, Arguments&)> run;
};

/// As Python's ==.
bool equal(const Value& a, const Value& b);
/// As Python's <; `known` is false for values that have no order.
bool less(const Value& a, const Value& b, bool& known);
/// As Python's str.isprintable().
bool is_printable(std::int32_t point);
/// Python's repr of a text and of a number.
std::string repr_text(std::string_view text);
std::string number_text(double value);

}  // namespace touchstone::jinja
