// Data sets: JSON lines, JSON arrays, CSV, by the first byte.
#include "tasks/parts/csv.hpp"
#include "tasks/parts/rows.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view text) {
    if (text.empty()) return;
    const char kind = text.front();
    text.remove_prefix(1);
    if (kind % 3 == 0) {
      touchstone::parse_csv(text, "input");
      return;
    }
    const auto rows =
        kind % 3 == 1 ? touchstone::parse_json_lines(text, "input") : touchstone::parse_json_array(text, "input");
    for (const auto& row : rows) {
      touchstone::document_hash(row.value);
      row.text("question");
      row.texts("choices");
      row.integer("answer");
    }
  });
}
