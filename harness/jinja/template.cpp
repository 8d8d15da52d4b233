#include "harness/jinja/template.hpp"

#include "harness/base/json.hpp"
#include "harness/jinja/machine.hpp"
#include "harness/jinja/node.hpp"

namespace touchstone::jinja {
namespace {

/// The machine checks the limits: a value too deep or too large fails like one made by the template.
Value from_json(Machine& machine, const Json& json) {
  if (json.is_string()) return machine.text(json.get<std::string>());
  if (json.is_boolean()) return Value::of(json.get<bool>());
  if (json.is_null()) return Value::none();
  if (is_int64(json)) return Value::of(json.get<std::int64_t>());
  if (json.is_number()) return Value::of(json.get<double>());
  if (json.is_array()) {
    std::vector<Value> items;
    for (const auto& item : json) items.push_back(from_json(machine, item));
    return machine.list(std::move(items));
  }
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& entry : json.items()) {
    entries.emplace_back(Value::of(entry.key()), from_json(machine, entry.value()));
  }
  return machine.dict(std::move(entries));
}

}  // namespace

struct Template::Impl {
  std::string where;
  Nodes nodes;
};

Template::Template(const std::string& source, const std::string& where)
    : impl_(std::make_unique<Impl>(Impl{where, parse(source, where)})) {}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

std::string Template::render(const Json& values) const {
  Machine machine(impl_->where, Limits{});
  add_globals(machine);
  for (const auto& entry : values.items()) machine.set(entry.key(), from_json(machine, entry.value()));
  return machine.run(impl_->nodes);
}

}  // namespace touchstone::jinja
