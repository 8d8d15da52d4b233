// Records that a stage left: a job that goes on takes them from the user's folder. The hash that ends them is put
// there.
#include "harness/base/hash.hpp"
#include "harness/data/made_file.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view text) {
    touchstone::Record parent;
    parent.id = "a";
    parent.task = "sums";
    parent.prompt = {{touchstone::Role::user, {std::string("1+1=")}, ""}};
    const auto body = std::string(text) + "\n";
    const auto whole = body + "{\"sha256\":\"" + touchstone::sha256(body) + "\"}\n";
    touchstone::made_from_text(whole, "input", "{}", {&parent, 1});
  });
}
