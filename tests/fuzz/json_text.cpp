// Any JSON text: the parser under plans, recipes, tokenizers, configurations and data sets. What it takes, it must be
// able to write and to read again as the same value.
#include "harness/base/json.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view text) {
    const auto value = touchstone::parse_json(text, "input");
    if (touchstone::parse_json(value.dump(), "output") != value) __builtin_trap();
  });
}
