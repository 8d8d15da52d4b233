#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "backends/tokenizers/pattern.hpp"
#include "harness/base/object_reader.hpp"

namespace touchstone::tokenizers {

/// One object of a tokenizer's files, and the place that messages name: "tokenizer.json: decoder.decoders[2]".
/// All methods throw Fault::checkpoint with that place for a missing key or a wrong type.
class Section {
 public:
  Section(const Json& value, std::string where);
  const std::string& where() const { return reader_.where(); }
  const Json& json() const { return reader_.json(); }

  /// True when the key is there and not null.
  bool has(const std::string& key) const;
  std::string type() const { return text("type"); }
  std::string text(const std::string& key) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  bool flag(const std::string& key) const { return reader_.flag(key); }
  bool flag(const std::string& key, bool fallback) const;
  std::int64_t integer(const std::string& key) const { return reader_.integer(key); }
  /// A text of one code point.
  std::int32_t code_point(const std::string& key) const;
  Section child(const std::string& key) const;
  std::vector<Section> children(const std::string& key) const;
  /// {"String": ...} or {"Regex": ...}.
  Pattern pattern(const std::string& key) const;
  const Json& at(const std::string& key) const { return reader_.at(key); }
  [[noreturn]] void fail(const std::string& what) const { reader_.fail(what); }
  [[noreturn]] void wrong(const std::string& key, const std::string& expected) const {
    reader_.wrong(key, at(key), expected);
  }
  std::string place(const std::string& key) const;

 private:
  ObjectReader reader_;
};

}  // namespace touchstone::tokenizers
