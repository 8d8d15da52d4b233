#pragma once
// What every fuzz target shares. A target passes when it ends: an Error is how bad input is refused, and anything else
// (another exception, a crash, a sanitizer's report, more than a second or 2 GB) is a finding.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "harness/base/error.hpp"

/// Calls `parse` with the fuzzer's bytes and lets an Error of ours pass.
template <class Parse>
int fuzz_one(const std::uint8_t* data, std::size_t size, const Parse& parse) {
  try {
    parse(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const touchstone::Error& error) {
    // A message is one line; an internal fault is a bug of ours, whatever the input.
    if (error.fault() == touchstone::Fault::internal ||
        std::string_view(error.what()).find('\n') != std::string_view::npos) {
      __builtin_trap();
    }
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
