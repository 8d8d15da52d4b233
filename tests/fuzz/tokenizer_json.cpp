// tokenizer.json: a vocabulary, merges and regular expressions that come with a checkpoint, then used both ways.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/model/tokenizer.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

/// One folder for the process, in memory where there is such a place.
const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    const auto base = std::filesystem::exists("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                          : std::filesystem::temp_directory_path();
    auto made = base / ("touchstone-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(made);
    return made;
  }();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view text) {
    std::ofstream(folder() / "tokenizer.json", std::ios::binary) << text;
    const auto tokenizer = touchstone::load_tokenizer(folder());
    const auto ids = tokenizer->encode("Hello, w\xc3\xb6rld! 42 <s> \xf0\x9f\x99\x82\n\n  x\xff");
    for (const auto id : ids) {
      if (id < 0 || id >= tokenizer->size()) __builtin_trap();
    }
    tokenizer->decode(ids, false);
    tokenizer->encode_pieces("a b  c");
  });
}
