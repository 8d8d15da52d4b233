#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone {

/// Names to values, in name order. A plain object: the program makes one, a test makes its own.
template <class Value>
class Registry {
 public:
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  /// Throws Fault::config when the name is taken.
  void add(const std::string& name, Value value) {
    const bool fresh = entries_.try_emplace(name, std::move(value)).second;
    require(fresh, Fault::config, [&] { return kind_ + " '" + name + "' is registered twice"; });
  }

  /// For a value that knows its own name.
  void add(Value value) requires requires { std::string(value.name); }
  {
    const std::string name = value.name;
    add(name, std::move(value));
  }

  /// Throws Fault::config, with the nearest known name, when there is no such entry.
  const Value& get(const std::string& name) const {
    const auto found = entries_.find(name);
    require(found != entries_.end(), Fault::config, [&] { return unknown_name(kind_, name, names()); });
    return found->second;
  }

  bool has(const std::string& name) const { return entries_.count(name) != 0; }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : entries_) all.push_back(entry.first);
    return all;
  }

  const std::string& kind() const { return kind_; }

 private:
  std::string kind_;
  std::map<std::string, Value> entries_;
};

}  // namespace touchstone
