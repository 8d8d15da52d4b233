#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone {

// Flat JSON for the database's columns. SQLite's own JSON functions can read it, and it reads back as the same values,
// unlike the output of a general writer: numbers to the last bit, nan as null, infinity as 9e999 (SQLite reads this as
// infinity), and bytes of model output that are not UTF-8 unchanged.

std::string numbers_json(const std::vector<double>& values);
std::string integers_json(const std::vector<int>& values);
std::string flags_json(const std::vector<bool>& values);  ///< [1,0]
std::string texts_json(const std::vector<std::string>& values);
std::string object_json(const std::map<std::string, double>& values);
std::string quoted_json(std::string_view text);

// The inverse functions. Each throws Fault::store for a text that the functions above cannot have written.

std::vector<double> numbers_from(std::string_view json);
std::vector<int> integers_from(std::string_view json);
std::vector<bool> flags_from(std::string_view json);
std::vector<std::string> texts_from(std::string_view json);
std::map<std::string, double> object_from(std::string_view json);

}  // namespace touchstone
