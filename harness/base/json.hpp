#pragma once
// For .cpp files: the JSON library, and the project's own bounded parser on top of it.
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace touchstone {

using Json = nlohmann::ordered_json;

/// What an untrusted JSON text may hold at most.
struct JsonLimits {
  std::size_t bytes = std::size_t{64} << 20;
  int depth = 64;
  std::size_t first_line = 1;  ///< messages call the text's first line so; above 1 inside a larger file
};

/// Parses with bounds; keys keep their order; a duplicate key is an error. Throws Fault::data:
/// "FILE: line 3, column 7: expected ',' or '}', found 'x'". `where` is the name used in that message.
Json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits = {});

/// Whether the value is a whole number that fits into an int64; JSON itself allows larger ones.
bool is_int64(const Json& value);

/// A whole number within bounds. (The library casts any number to any type.) Throws Fault::data, "1e44, expected a
/// whole number from 0 to 9".
std::int64_t whole_number(const Json& value, std::int64_t min, std::int64_t max);

Json read_json(const std::filesystem::path& path, const JsonLimits& limits = {});

}  // namespace touchstone
