#include "backends/checkpoints/config.hpp"

namespace touchstone {
namespace {

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}

}  // namespace

ConfigReader::ConfigReader(const Json& object, std::string where)
    : reader_(object, std::move(where), {.fault = Fault::checkpoint, .null_is_missing = true, .whole_reals = true}) {}

std::int64_t ConfigReader::integer(const std::string& key, std::int64_t min, std::int64_t max,
                                   std::optional<std::int64_t> fallback) const {
  return fallback && !has(key) ? *fallback : reader_.integer(key, min, max);
}

double ConfigReader::number(const std::string& key, double min, double max, std::optional<double> fallback) const {
  return fallback && !has(key) ? *fallback : reader_.number(key, min, max);
}

bool ConfigReader::flag(const std::string& key, std::optional<bool> fallback) const {
  return fallback && !has(key) ? *fallback : reader_.flag(key);
}

std::string ConfigReader::text(const std::string& key, std::optional<std::string> fallback) const {
  return fallback && !has(key) ? *fallback : reader_.text(key);
}

std::vector<std::string> ConfigReader::texts(const std::string& key) const {
  return has(key) ? reader_.texts(key) : std::vector<std::string>();
}

void ConfigReader::refuse_unread(const Json& neutral) const {
  const auto read = reader_.read();  // a look-up marks its key as read
  for (const auto& [key, value] : neutral.items()) {
    if (read.count(key) != 0) continue;
    const auto* found = reader_.find(key);
    if (found != nullptr && *found != value) reader_.wrong(key, *found, "none: it is not known to this family");
  }
}

ConfigReader ConfigReader::child(const std::string& key) const {
  if (!has(key)) return {empty_object(), where()};
  return {reader_.object(key), where() + ": " + key};
}

}  // namespace touchstone
