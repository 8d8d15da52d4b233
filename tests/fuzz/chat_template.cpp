// Chat templates: programs that come with a checkpoint.
#include "harness/data/chat_template.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(data, size, [](std::string_view text) {
    const touchstone::ChatTemplate chat(std::string(text), "input", "<s>", "</s>");
    const touchstone::Dialog dialog = {
        {.role = touchstone::Role::system, .parts = {std::string("Be brief.")}, .delimiter = ""},
        {.role = touchstone::Role::user, .parts = {std::string("What is {{ this }}?")}, .delimiter = ""},
        {.role = touchstone::Role::assistant, .parts = {std::string("That.")}, .delimiter = ""}};
    chat.render(dialog, true);
  });
}
