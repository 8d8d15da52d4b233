#include "harness/base/options.hpp"

#include <cmath>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"

namespace touchstone {

struct Options::Impl {
  Json object = Json::object();
  std::string where;
  bool describing = false;
  std::set<std::string> read;
  std::vector<OptionSpec> specs;

  [[noreturn]] void wrong(const std::string& key, const Json& found, const std::string& expected) const {
    throw Error(Fault::config,
                where + ": key '" + key + "': found " + found.dump().substr(0, 80) + ", expected " + expected);
  }

  /// The value under a key, or null when it is absent; records the read. A required key that is absent throws.
  const Json* find(OptionSpec spec) {
    const std::string key = spec.key;
    const bool required = spec.fallback.empty();
    read.insert(key);
    specs.push_back(std::move(spec));
    if (describing) return nullptr;
    const auto found = object.find(key);
    if (found != object.end()) return &*found;
    require(!required, Fault::config, [&] {
      std::vector<std::string> there;
      for (const auto& member : object.items()) {
        if (read.count(member.key()) == 0) there.push_back(member.key());
      }
      const auto near = nearest_name(key, there);
      return where + ": key '" + key + "' is missing" + (near.empty() ? "" : " (found '" + near + "': misspelt?)");
    });
    return nullptr;
  }
};

Options::Options(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Options::~Options() = default;
Options::Options(Options&&) noexcept = default;
Options& Options::operator=(Options&&) noexcept = default;

Options::Options(const nlohmann::ordered_json& object, std::string where) : impl_(std::make_unique<Impl>()) {
  require(object.is_object(), Fault::config,
          [&] { return where + ": found " + object.dump().substr(0, 80) + ", expected an object"; });
  impl_->object = object;
  impl_->where = std::move(where);
}

Options Options::describe(std::string where) {
  auto impl = std::make_unique<Impl>();
  impl->where = std::move(where);
  impl->describing = true;
  return Options(std::move(impl));
}

bool Options::has(const std::string& key) const { return impl_->object.contains(key); }

namespace {

std::string range_text(double min, double max) {
  const bool low = min > -1e299;
  const bool high = max < 1e299;
  const auto text = [](double value) {
    auto number = Json(value).dump();
    return number.ends_with(".0") ? number.substr(0, number.size() - 2) : number;
  };
  if (low && high) return " in [" + text(min) + ", " + text(max) + "]";
  if (low) return " of at least " + text(min);
  return high ? " of at most " + text(max) : "";
}

}  // namespace

double Options::number(const std::string& key, const std::string& help, const NumberSpec& spec) {
  const auto* found = impl_->find({key, "number", spec.fallback ? Json(*spec.fallback).dump() : "", help, {}});
  if (found == nullptr) return spec.fallback.value_or(std::max(spec.min, 0.0));
  const auto expected = [&] { return "a number" + range_text(spec.min, spec.max); };
  if (!found->is_number()) impl_->wrong(key, *found, expected());
  const double value = found->get<double>();
  if (!std::isfinite(value) || value < spec.min || value > spec.max) impl_->wrong(key, *found, expected());
  return value;
}

std::int64_t Options::integer(const std::string& key, const std::string& help, const IntegerSpec& spec) {
  const auto* found = impl_->find({key, "integer", spec.fallback ? std::to_string(*spec.fallback) : "", help, {}});
  if (found == nullptr) return spec.fallback.value_or(std::max<std::int64_t>(spec.min, 0));
  const auto expected = [&] {
    const bool low = spec.min != INT64_MIN;
    const bool high = spec.max != INT64_MAX;
    return "a whole number" +
           range_text(low ? static_cast<double>(spec.min) : -1e300, high ? static_cast<double>(spec.max) : 1e300);
  };
  if (!is_int64(*found)) impl_->wrong(key, *found, expected());
  const auto value = found->get<std::int64_t>();
  if (value < spec.min || value > spec.max) impl_->wrong(key, *found, expected());
  return value;
}

bool Options::flag(const std::string& key, const std::string& help, std::optional<bool> fallback) {
  const auto* found = impl_->find({key, "boolean", fallback ? Json(*fallback).dump() : "", help, {}});
  if (found == nullptr) return fallback.value_or(false);
  if (!found->is_boolean()) impl_->wrong(key, *found, "true or false");
  return found->get<bool>();
}

std::string Options::text(const std::string& key, const std::string& help, const TextSpec& spec) {
  const auto* found = impl_->find({key, "text", spec.fallback ? Json(*spec.fallback).dump() : "", help, spec.choices});
  if (found == nullptr) return spec.fallback.value_or(spec.choices.empty() ? "" : spec.choices.front());
  if (!found->is_string()) impl_->wrong(key, *found, "a text");
  auto value = found->get<std::string>();
  if (spec.choices.empty()) return value;
  for (const auto& choice : spec.choices) {
    if (choice == value) return value;
  }
  impl_->wrong(key, *found, "one of " + join(spec.choices, ", "));
}

std::vector<std::string> Options::texts(const std::string& key, const std::string& help,
                                        std::optional<std::vector<std::string>> fallback) {
  const auto* found = impl_->find({key, "list", fallback ? Json(*fallback).dump() : "", help, {}});
  if (found == nullptr) return fallback.value_or(std::vector<std::string>{});
  if (!found->is_array()) impl_->wrong(key, *found, "a list of texts");
  std::vector<std::string> values;
  for (const auto& value : *found) {
    if (!value.is_string()) impl_->wrong(key, value, "a list of texts");
    values.push_back(value.get<std::string>());
  }
  return values;
}

namespace {

/// A bare name reads as {"use": name}.
Json as_use(const Json& value) { return value.is_string() ? Json{{"use", value}} : value; }

}  // namespace

Options Options::child(const std::string& key, const std::string& help, const std::optional<std::string>& fallback) {
  const auto* found = impl_->find({key, "object", fallback ? Json(*fallback).dump() : "", help, {}});
  const std::string where = impl_->where + ": " + key;
  if (found != nullptr) return Options(as_use(*found), where);
  return impl_->describing || !fallback ? describe(where) : Options(as_use(*fallback), where);
}

std::vector<Options> Options::children(const std::string& key, const std::string& help, bool required) {
  const auto* found = impl_->find({key, "list", required ? "" : "[]", help, {}});
  std::vector<Options> all;
  if (found == nullptr) return all;
  if (!found->is_array()) impl_->wrong(key, *found, "a list of objects");
  for (std::size_t i = 0; i < found->size(); ++i) {
    all.emplace_back(as_use((*found)[i]), impl_->where + ": " + key + " " + std::to_string(i));
  }
  return all;
}

const Json* Options::any(const std::string& key, const std::string& help, bool required) {
  return impl_->find({key, "any", required ? "" : "null", help, {}});
}

bool Options::describing() const { return impl_->describing; }
const std::vector<OptionSpec>& Options::specs() const { return impl_->specs; }
const std::string& Options::where() const { return impl_->where; }
std::string Options::json() const { return nlohmann::json(impl_->object).dump(); }

void Options::done() const {
  if (impl_->describing) return;
  for (const auto& member : impl_->object.items()) {
    if (impl_->read.count(member.key()) != 0) continue;
    const std::vector<std::string> known(impl_->read.begin(), impl_->read.end());
    throw Error(Fault::config, impl_->where + ": " + unknown_name("key", member.key(), known));
  }
}

}  // namespace touchstone
