#include "backends/tokenizers/section.hpp"

#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {

Section::Section(const Json& value, std::string where) : value_(&value), where_(std::move(where)) {
  if (!value.is_object()) fail(std::string("is ") + value.type_name() + "; wanted an object");
}

void Section::fail(const std::string& what) const { throw Error(Fault::checkpoint, where_ + ": " + what); }

std::string Section::place(const std::string& key) const {
  return where_ + (where_.ends_with(".json") || where_.ends_with(".gz") ? ": " : ".") + key;
}

bool Section::has(const std::string& key) const {
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

const Json& Section::at(const std::string& key) const {
  const auto found = value_->find(key);
  if (found == value_->end()) fail("has no '" + key + "'");
  return *found;
}

std::string Section::text(const std::string& key) const {
  const auto& value = at(key);
  require(value.is_string(), Fault::checkpoint,
          [&] { return place(key) + ": is " + value.type_name() + "; wanted a string"; });
  auto text = value.get<std::string>();
  require(is_utf8(text), Fault::checkpoint, [&] { return place(key) + ": is not UTF-8"; });
  return text;
}

std::string Section::text(const std::string& key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

bool Section::flag(const std::string& key) const {
  const auto& value = at(key);
  require(value.is_boolean(), Fault::checkpoint,
          [&] { return place(key) + ": is " + value.type_name() + "; wanted true or false"; });
  return value.get<bool>();
}

bool Section::flag(const std::string& key, bool fallback) const { return has(key) ? flag(key) : fallback; }

std::int64_t Section::integer(const std::string& key) const {
  const auto& value = at(key);
  require(is_int64(value), Fault::checkpoint,
          [&] { return place(key) + ": is " + value.dump().substr(0, 40) + "; wanted an integer"; });
  return value.get<std::int64_t>();
}

std::int32_t Section::code_point(const std::string& key) const {
  const auto value = text(key);
  require(!value.empty() && known_code_point_at(value, 0).bytes == value.size(), Fault::checkpoint,
          [&] { return place(key) + ": is '" + value.substr(0, 40) + "'; wanted one character"; });
  return known_code_point_at(value, 0).value;
}

Section Section::child(const std::string& key) const { return {at(key), place(key)}; }

std::vector<Section> Section::children(const std::string& key) const {
  const auto& value = at(key);
  require(value.is_array(), Fault::checkpoint,
          [&] { return place(key) + ": is " + value.type_name() + "; wanted a list"; });
  std::vector<Section> all;
  for (std::size_t i = 0; i < value.size(); ++i) all.emplace_back(value[i], place(key) + "[" + std::to_string(i) + "]");
  return all;
}

Pattern Section::pattern(const std::string& key) const {
  const auto found = child(key);
  if (found.has("String")) return Pattern::literal(found.text("String"));
  if (found.has("Regex")) return Pattern::regex(found.text("Regex"), found.where());
  found.fail("wanted {\"String\": ...} or {\"Regex\": ...}");
}

}  // namespace touchstone::tokenizers
