#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace touchstone {

struct CsvRow {
  std::vector<std::string> fields;
  std::size_t line = 0;  ///< where the row begins, from 1
};

/// Comma-separated values as in RFC 4180: quoted fields with doubled quotes, commas and line breaks inside;
/// rows end with LF, CR LF or CR; empty lines are skipped, and so is a byte order mark. A quote inside a field that
/// does not begin with one is an ordinary character. Throws Fault::data with "FILE: line N: ..." for a quoted field
/// that never ends or that goes on after its quote, and for a field longer than `field_limit_bytes`.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& where,
                              std::size_t field_limit_bytes = std::size_t{1} << 20);

}  // namespace touchstone
