#include "harness/base/object_reader.hpp"

#include <cmath>

#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

constexpr std::size_t shown_bytes = 80;
constexpr std::size_t shown_members = 32;
constexpr std::size_t shown_keys = 12;

/// Bytes that are not UTF-8 are shown as U+FFFD. Only a value made by the caller can hold such bytes.
std::string dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string words_of(bool low, bool high, const std::string& min, const std::string& max) {
  if (low && high) return " in [" + min + ", " + max + "]";
  if (low) return " of at least " + min;
  return high ? " of at most " + max : "";
}

std::string plain_number(double value) {
  auto text = Json(value).dump();
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

}  // namespace

std::string shown_json(const Json& value) {
  if (value.size() > shown_members && value.is_structured()) {
    return (value.is_array() ? "a list of " : "an object of ") + std::to_string(value.size()) + " members";
  }
  return one_line(dumped(value), shown_bytes);
}

std::string range_words(double min, double max) {
  return words_of(min > -1e299, max < 1e299, plain_number(min), plain_number(max));
}

std::string range_words(std::int64_t min, std::int64_t max) {
  return words_of(min != INT64_MIN, max != INT64_MAX, std::to_string(min), std::to_string(max));
}

ObjectReader::ObjectReader(const Json& object, std::string where, const Rules& rules)
    : object_(&object), where_(std::move(where)), rules_(rules), read_(std::make_shared<std::set<std::string>>()) {
  if (!object.is_object()) fail("found " + shown_json(object) + ", expected an object");
}

void ObjectReader::fail(const std::string& message) const { throw Error(rules_.fault, where_ + ": " + message); }

void ObjectReader::wrong(const std::string& key, const Json& found, const std::string& expected) const {
  fail("key '" + key + "': found " + shown_json(found) + ", expected " + expected);
}

void ObjectReader::missing(const std::string& key) const {
  std::vector<std::string> unread;
  for (const auto& member : object_->items()) {
    if (read_->count(member.key()) == 0) unread.push_back(one_line(member.key(), 40));
  }
  const auto near = nearest_name(key, unread);
  std::string message = "key '" + key + "' is missing";
  if (!near.empty()) fail(message + " (found '" + near + "': misspelt?)");
  if (unread.size() > shown_keys) unread.resize(shown_keys);
  fail(message + (unread.empty() ? "" : "; there are: " + join(unread, ", ")));
}

const Json* ObjectReader::find(const std::string& key) const {
  read_->insert(key);
  const auto found = object_->find(key);
  if (found == object_->end() || (rules_.null_is_missing && found->is_null())) return nullptr;
  return &*found;
}

const Json& ObjectReader::at(const std::string& key) const {
  const auto* found = find(key);
  if (found == nullptr) missing(key);
  return *found;
}

bool ObjectReader::flag(const std::string& key) const {
  const auto& found = at(key);
  if (!found.is_boolean()) wrong(key, found, "true or false");
  return found.get<bool>();
}

const std::string& ObjectReader::text(const std::string& key) const {
  const auto& found = at(key);
  if (!found.is_string()) wrong(key, found, "a text");
  return found.get_ref<const std::string&>();
}

std::vector<std::string> ObjectReader::texts(const std::string& key) const {
  std::vector<std::string> all;
  for (const auto& item : list(key, "a list of texts")) {
    if (!item.is_string()) {
      fail("key '" + key + "': item " + std::to_string(all.size() + 1) + ": found " + shown_json(item) +
           ", expected a text");
    }
    all.push_back(item.get<std::string>());
  }
  return all;
}

std::int64_t ObjectReader::integer(const std::string& key, std::int64_t min, std::int64_t max) const {
  const auto& found = at(key);
  const auto expected = [&] { return "a whole number" + range_words(min, max); };
  std::int64_t value = 0;
  if (is_int64(found)) {
    value = found.get<std::int64_t>();
  } else {
    // 2^63, all larger values, and nan are out of range.
    const bool whole = rules_.whole_reals && found.is_number_float() && std::fabs(found.get<double>()) < 0x1p63 &&
                       found.get<double>() == std::floor(found.get<double>());
    if (!whole) wrong(key, found, expected());
    value = static_cast<std::int64_t>(found.get<double>());
  }
  if (value < min || value > max) wrong(key, found, expected());
  return value;
}

double ObjectReader::number(const std::string& key, double min, double max) const {
  const auto& found = at(key);
  const double value = found.is_number() ? found.get<double>() : std::nan("");
  if (!std::isfinite(value) || value < min || value > max) wrong(key, found, "a number" + range_words(min, max));
  return value;
}

const Json& ObjectReader::list(const std::string& key, const std::string& expected) const {
  const auto& found = at(key);
  if (!found.is_array()) wrong(key, found, expected);
  return found;
}

const Json& ObjectReader::object(const std::string& key) const {
  const auto& found = at(key);
  if (!found.is_object()) wrong(key, found, "an object");
  return found;
}

void ObjectReader::refuse_unread() const {
  for (const auto& member : object_->items()) {
    if (read_->count(member.key()) != 0) continue;
    fail(unknown_name("key", member.key(), std::vector<std::string>(read_->begin(), read_->end())));
  }
}

}  // namespace touchstone
