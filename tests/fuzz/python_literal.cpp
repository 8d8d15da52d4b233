// Python literals and calls: what a model writes.
#include "harness/data/python_literal.hpp"

#include "harness/data/tool_call.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view text) {
    touchstone::first_call(std::string(text), touchstone::CallForm::extended);
    // What is written is read again as the same value.
    const auto written = touchstone::python_text(touchstone::read_python_literal(text));
    if (written.find("inf") == std::string::npos &&
        touchstone::python_text(touchstone::read_python_literal(written)) != written) {
      __builtin_trap();
    }
  });
}
