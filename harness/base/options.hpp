#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace touchstone {

/// One option of a plug-in; `touchstone show` prints it and docs/ are generated from it.
struct OptionSpec {
  std::string key;
  std::string type;      ///< "number", "integer", "boolean", "text", "object", "list", "any"
  std::string fallback;  ///< as JSON text; empty when the option is required
  std::string help;
  std::vector<std::string> choices;
};

/// Bounds and default of a number. A missing key without a default is an error.
struct NumberSpec {
  std::optional<double> fallback = std::nullopt;
  double min = -1e300;
  double max = 1e300;
};
struct IntegerSpec {
  std::optional<std::int64_t> fallback = std::nullopt;
  std::int64_t min = INT64_MIN;
  std::int64_t max = INT64_MAX;
};
struct TextSpec {
  std::optional<std::string> fallback = std::nullopt;
  std::vector<std::string> choices = {};  ///< empty: any text
};

/// A strict reader of one JSON object of a config. Reading marks a key as known; done() refuses the rest, naming file,
/// place, key and the nearest known one. All methods throw Fault::config with that place on a wrong type or range.
/// In describing mode (see describe()) every read records its OptionSpec and gives the default, or a harmless value.
class Options {
 public:
  /// `where` names the place for messages: "asft.json: stage 3 (train)".
  Options(const nlohmann::ordered_json& object, const std::string& where);
  /// Describing mode: no values, all reads are recorded into specs().
  static Options describe(const std::string& where);
  ~Options();
  Options(Options&&) noexcept;
  Options& operator=(Options&&) noexcept;

  bool has(const std::string& key) const;
  double number(const std::string& key, const std::string& help, const NumberSpec& spec = {});
  std::int64_t integer(const std::string& key, const std::string& help, const IntegerSpec& spec = {});
  bool flag(const std::string& key, const std::string& help, std::optional<bool> fallback = std::nullopt);
  std::string text(const std::string& key, const std::string& help, const TextSpec& spec = {});
  std::vector<std::string> texts(const std::string& key, const std::string& help,
                                 std::optional<std::vector<std::string>> fallback = std::nullopt);
  /// A nested object ({"use": "asft", ...}), read by whoever owns it; a bare string "asft" reads as {"use": "asft"},
  /// and so does `fallback` where the key is missing.
  Options child(const std::string& key, const std::string& help,
                const std::optional<std::string>& fallback = std::nullopt);
  /// A list of such objects; none where an optional key is missing.
  std::vector<Options> children(const std::string& key, const std::string& help, bool required = true);
  /// The value of a key that allows several types; the caller checks it. null where an optional key is missing.
  /// Its OptionSpec says "any". Valid as long as this object is.
  const nlohmann::ordered_json* any(const std::string& key, const std::string& help, bool required);

  bool describing() const;
  const std::vector<OptionSpec>& specs() const;
  const std::string& where() const;
  /// The object as canonical JSON text (keys sorted, defaults not filled in).
  std::string json() const;
  /// Throws Fault::config when a key was never read.
  void done() const;

 private:
  struct Impl;
  explicit Options(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace touchstone
