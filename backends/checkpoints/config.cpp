#include "backends/checkpoints/config.hpp"

#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}

std::string plain(double value) {
  auto text = Json(value).dump();
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

}  // namespace

ConfigReader::ConfigReader(const Json& object, std::string where)
    : object_(&object), where_(std::move(where)), read_(std::make_shared<std::set<std::string>>()) {
  if (!object.is_object()) refuse("expected a JSON object");
}

void ConfigReader::refuse(const std::string& message) const { throw Error(Fault::checkpoint, where_ + ": " + message); }

void ConfigReader::refuse_value(const std::string& key, const std::string& expected) const {
  const auto* value = find(key);
  if (value == nullptr) refuse("no '" + key + "', expected " + expected);
  auto found = value->dump(-1, ' ', true, Json::error_handler_t::replace);
  if (found.size() > 60) found = found.substr(0, 57) + "...";
  refuse(key + " is " + found + ", expected " + expected);
}

const Json* ConfigReader::find(const std::string& key) const {
  read_->insert(key);
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(const std::string& key) const { return find(key) != nullptr; }

std::int64_t ConfigReader::integer(const std::string& key, std::int64_t min, std::int64_t max,
                                   std::optional<std::int64_t> fallback) const {
  const auto* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  const auto expected = "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  if (value == nullptr || !value->is_number()) refuse_value(key, expected);
  const auto real = value->get<double>();
  // A whole number that was written as 8192.0 is a whole number.
  if (!(real >= static_cast<double>(min) && real <= static_cast<double>(max)) || real != std::floor(real)) {
    refuse_value(key, expected);
  }
  return value->is_number_integer() ? value->get<std::int64_t>() : static_cast<std::int64_t>(real);
}

double ConfigReader::number(const std::string& key, double min, double max, std::optional<double> fallback) const {
  const auto* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  const auto expected = "a number from " + plain(min) + " to " + plain(max);
  if (value == nullptr || !value->is_number()) refuse_value(key, expected);
  const auto real = value->get<double>();
  if (!(real >= min && real <= max)) refuse_value(key, expected);
  return real;
}

bool ConfigReader::flag(const std::string& key, std::optional<bool> fallback) const {
  const auto* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || !value->is_boolean()) refuse_value(key, "true or false");
  return value->get<bool>();
}

std::string ConfigReader::text(const std::string& key, std::optional<std::string> fallback) const {
  const auto* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || !value->is_string()) refuse_value(key, "a text");
  return value->get<std::string>();
}

std::vector<std::string> ConfigReader::texts(const std::string& key) const {
  const auto* value = find(key);
  std::vector<std::string> all;
  if (value == nullptr) return all;
  if (!value->is_array()) refuse_value(key, "a list of texts");
  for (const auto& item : *value) {
    if (!item.is_string()) refuse_value(key, "a list of texts");
    all.push_back(item.get<std::string>());
  }
  return all;
}

void ConfigReader::refuse_unread(const Json& neutral) const {
  for (const auto& [key, value] : neutral.items()) {
    if (read_->count(key) != 0) continue;
    const auto* found = find(key);
    if (found != nullptr && *found != value) refuse_value(key, "none: this family does not have it");
  }
}

ConfigReader ConfigReader::child(const std::string& key) const {
  const auto* value = find(key);
  if (value == nullptr) return {empty_object(), where_};
  if (!value->is_object()) refuse_value(key, "an object");
  return {*value, where_ + ": " + key};
}

}  // namespace touchstone
