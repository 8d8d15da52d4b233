#pragma once
// Reading config.json of a checkpoint: every number in a range that a real model can have.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/object_reader.hpp"

namespace touchstone {

/// Reads keys of one JSON object. A key that is absent or null counts as missing. All methods throw Fault::checkpoint:
/// "DIR/config.json: key 'num_hidden_layers': found 1000000000, expected a whole number in [1, 4096]".
class ConfigReader {
 public:
  ConfigReader(const nlohmann::ordered_json& object, std::string where);

  bool has(const std::string& key) const { return reader_.has(key); }
  std::int64_t integer(const std::string& key, std::int64_t min, std::int64_t max,
                       std::optional<std::int64_t> fallback = std::nullopt) const;
  double number(const std::string& key, double min, double max, std::optional<double> fallback = std::nullopt) const;
  bool flag(const std::string& key, std::optional<bool> fallback = std::nullopt) const;
  std::string text(const std::string& key, std::optional<std::string> fallback = std::nullopt) const;
  /// A list of texts; empty when the key is missing.
  std::vector<std::string> texts(const std::string& key) const;
  /// The object under `key`; an empty one when it is missing.
  ConfigReader child(const std::string& key) const;
  const std::string& where() const { return reader_.where(); }
  [[noreturn]] void refuse(const std::string& message) const { reader_.fail(message); }
  /// "...: key 'rank_pattern': found 7, expected an object".
  [[noreturn]] void wrong(const std::string& key, const nlohmann::ordered_json& found,
                          const std::string& expected) const {
    reader_.wrong(key, found, expected);
  }
  /// Refuses by its name each key of `neutral` that was not read and has another value than in `neutral`; null there
  /// means that the key must be absent.
  void refuse_unread(const nlohmann::ordered_json& neutral) const;

 private:
  ObjectReader reader_;
};

}  // namespace touchstone
