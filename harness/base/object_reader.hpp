#pragma once
// For .cpp files: reads one JSON object of a file, with the same form of message everywhere in the program.
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"

namespace touchstone {

/// Reads keys of one JSON object at a named place. Errors are thrown as "PLACE: key 'K': found X, expected Y"; for a
/// missing key as "PLACE: key 'K' is missing", with the nearest key that is there. Copies share the set of keys asked
/// for. The object is borrowed.
class ObjectReader {
 public:
  struct Rules {
    Fault fault = Fault::config;
    bool null_is_missing = false;  ///< a key whose value is null counts as missing
    bool whole_reals = false;      ///< 8192.0 is a whole number
  };
  /// Throws when `object` is not a JSON object.
  ObjectReader(const Json& object, std::string where, const Rules& rules);

  const std::string& where() const { return where_; }
  const Json& json() const { return *object_; }

  /// The value under a key; null when it is missing.
  const Json* find(const std::string& key) const;
  bool has(const std::string& key) const { return find(key) != nullptr; }
  const Json& at(const std::string& key) const;

  bool flag(const std::string& key) const;
  const std::string& text(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::int64_t integer(const std::string& key, std::int64_t min = INT64_MIN, std::int64_t max = INT64_MAX) const;
  /// Finite, and within [min, max].
  double number(const std::string& key, double min = -1e300, double max = 1e300) const;
  const Json& list(const std::string& key, const std::string& expected = "a list") const;
  const Json& object(const std::string& key) const;

  [[noreturn]] void wrong(const std::string& key, const Json& found, const std::string& expected) const;
  [[noreturn]] void missing(const std::string& key) const;
  /// "PLACE: message".
  [[noreturn]] void fail(const std::string& message) const;

  /// Keys that were asked for.
  const std::set<std::string>& read() const { return *read_; }
  /// Throws "PLACE: unknown key 'K': did you mean 'L'?" for the first key that nobody has asked for.
  void refuse_unread() const;

 private:
  const Json* object_;
  std::string where_;
  Rules rules_;
  std::shared_ptr<std::set<std::string>> read_;
};

/// A value as messages show it: its text, or its kind and size when it is long.
std::string shown_json(const Json& value);

/// " in [1, 5]", " of at least 1", " of at most 5"; nothing where neither end is bounded (1e300, INT64_MAX).
std::string range_words(double min, double max);
std::string range_words(std::int64_t min, std::int64_t max);

}  // namespace touchstone
