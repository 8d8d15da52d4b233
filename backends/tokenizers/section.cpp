#include "backends/tokenizers/section.hpp"

#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {

Section::Section(const Json& value, std::string where)
    : reader_(value, std::move(where), {.fault = Fault::checkpoint}) {}

std::string Section::place(const std::string& key) const {
  return where() + (where().ends_with(".json") || where().ends_with(".gz") ? ": " : ".") + key;
}

bool Section::has(const std::string& key) const {
  const auto* found = reader_.find(key);
  return found != nullptr && !found->is_null();
}

std::string Section::text(const std::string& key) const {
  const auto& text = reader_.text(key);
  if (!is_utf8(text)) wrong(key, "a text in UTF-8");
  return text;
}

std::string Section::text(const std::string& key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

bool Section::flag(const std::string& key, bool fallback) const { return has(key) ? flag(key) : fallback; }

std::int32_t Section::code_point(const std::string& key) const {
  const auto value = text(key);
  if (value.empty() || known_code_point_at(value, 0).bytes != value.size()) wrong(key, "one character");
  return known_code_point_at(value, 0).value;
}

Section Section::child(const std::string& key) const { return {at(key), place(key)}; }

std::vector<Section> Section::children(const std::string& key) const {
  std::vector<Section> all;
  for (const auto& value : reader_.list(key)) {
    all.emplace_back(value, place(key) + "[" + std::to_string(all.size()) + "]");
  }
  return all;
}

Pattern Section::pattern(const std::string& key) const {
  const auto found = child(key);
  if (found.has("String")) return Pattern::literal(found.text("String"));
  if (found.has("Regex")) return Pattern::regex(found.text("Regex"), found.where());
  found.fail("found " + shown_json(at(key)) + ", expected {\"String\": ...} or {\"Regex\": ...}");
}

}  // namespace touchstone::tokenizers
