#include "harness/base/options.hpp"

#include <algorithm>

#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone {

struct Options::Impl {
  Impl(Json values, const std::string& where, bool describes)
      : object(std::move(values)), reader(object, where, {.fault = Fault::config}), describing(describes) {}

  Json object;
  ObjectReader reader;  ///< of `object`
  bool describing;
  std::vector<OptionSpec> specs;

  /// Records the read. Returns whether the key has a value; throws when a required key is absent.
  bool holds(OptionSpec spec) {
    const std::string key = spec.key;
    const bool required = spec.fallback.empty();
    specs.push_back(std::move(spec));
    const auto* found = reader.find(key);
    if (found == nullptr && required && !describing) reader.missing(key);
    return found != nullptr;
  }
};

Options::Options(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Options::~Options() = default;
Options::Options(Options&&) noexcept = default;
Options& Options::operator=(Options&&) noexcept = default;

Options::Options(const nlohmann::ordered_json& object, const std::string& where)
    : impl_(std::make_unique<Impl>(object, where, false)) {}

Options Options::describe(const std::string& where) {
  return Options(std::make_unique<Impl>(Json::object(), where, true));
}

bool Options::has(const std::string& key) const { return impl_->object.contains(key); }

double Options::number(const std::string& key, const std::string& help, const NumberSpec& spec) {
  const bool there = impl_->holds({key, "number", spec.fallback ? Json(*spec.fallback).dump() : "", help, {}});
  return there ? impl_->reader.number(key, spec.min, spec.max) : spec.fallback.value_or(std::max(spec.min, 0.0));
}

std::int64_t Options::integer(const std::string& key, const std::string& help, const IntegerSpec& spec) {
  const bool there = impl_->holds({key, "integer", spec.fallback ? std::to_string(*spec.fallback) : "", help, {}});
  if (there) return impl_->reader.integer(key, spec.min, spec.max);
  return spec.fallback.value_or(std::max<std::int64_t>(spec.min, 0));
}

bool Options::flag(const std::string& key, const std::string& help, std::optional<bool> fallback) {
  const bool there = impl_->holds({key, "boolean", fallback ? Json(*fallback).dump() : "", help, {}});
  return there ? impl_->reader.flag(key) : fallback.value_or(false);
}

std::string Options::text(const std::string& key, const std::string& help, const TextSpec& spec) {
  const bool there = impl_->holds({key, "text", spec.fallback ? Json(*spec.fallback).dump() : "", help, spec.choices});
  if (!there) return spec.fallback.value_or(spec.choices.empty() ? "" : spec.choices.front());
  const auto& value = impl_->reader.text(key);
  const bool fits = spec.choices.empty() || std::count(spec.choices.begin(), spec.choices.end(), value) > 0;
  if (!fits) impl_->reader.wrong(key, value, "one of " + join(spec.choices, ", "));
  return value;
}

std::vector<std::string> Options::texts(const std::string& key, const std::string& help,
                                        std::optional<std::vector<std::string>> fallback) {
  const bool there = impl_->holds({key, "list", fallback ? Json(*fallback).dump() : "", help, {}});
  return there ? impl_->reader.texts(key) : fallback.value_or(std::vector<std::string>{});
}

namespace {

/// A bare name reads as {"use": name}.
Json as_use(const Json& value) { return value.is_string() ? Json{{"use", value}} : value; }

}  // namespace

Options Options::child(const std::string& key, const std::string& help, const std::optional<std::string>& fallback) {
  const bool there = impl_->holds({key, "object", fallback ? Json(*fallback).dump() : "", help, {}});
  const std::string place = where() + ": " + key;
  if (there) return Options(as_use(impl_->reader.at(key)), place);
  return impl_->describing || !fallback ? describe(place) : Options(as_use(*fallback), place);
}

std::vector<Options> Options::children(const std::string& key, const std::string& help, bool required) {
  std::vector<Options> all;
  if (!impl_->holds({key, "list", required ? "" : "[]", help, {}})) return all;
  for (const auto& value : impl_->reader.list(key, "a list of objects")) {
    all.emplace_back(as_use(value), where() + ": " + key + " " + std::to_string(all.size()));
  }
  return all;
}

const Json* Options::any(const std::string& key, const std::string& help, bool required) {
  return impl_->holds({key, "any", required ? "" : "null", help, {}}) ? &impl_->reader.at(key) : nullptr;
}

bool Options::describing() const { return impl_->describing; }
const std::vector<OptionSpec>& Options::specs() const { return impl_->specs; }
const std::string& Options::where() const { return impl_->reader.where(); }
std::string Options::json() const { return nlohmann::json(impl_->object).dump(); }

void Options::done() const {
  if (!impl_->describing) impl_->reader.refuse_unread();
}

}  // namespace touchstone
