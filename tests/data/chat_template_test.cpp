#include "harness/data/chat_template.hpp"

#include <gtest/gtest.h>

#include <string>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

Turn turn(Role role, std::string text) { return {.role = role, .parts = {std::move(text)}, .delimiter = {}}; }

const Dialog dialog{turn(Role::system, "Be brief."), turn(Role::user, "What is 2+2?"), turn(Role::assistant, "4"),
                    turn(Role::user, " And  3+3? ")};

std::string render(const std::string& source, const Dialog& turns = dialog, bool open = true) {
  return ChatTemplate(source, "tokenizer_config.json", "<s>", "</s>").render(turns, open);
}

TEST(ChatTemplate, ChatMl) {
  const std::string source =
      "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
      "'\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  EXPECT_EQ(render(source, {turn(Role::user, "Hi")}), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render(source, {turn(Role::user, "Hi")}, false), "<|im_start|>user\nHi<|im_end|>\n");
}

TEST(ChatTemplate, Qwen3OfItsOwnConfiguration) {
  TOUCHSTONE_SHARED_OR_SKIP(path, "data/tokenizers/qwen3/tokenizer_config.json");
  const auto source = read_json(path).at("chat_template").get<std::string>();
  testing::expect_golden("chat_qwen3.txt", render(source));
}

TEST(ChatTemplate, RaisedExceptionsNamePlaceAndLine) {
  try {
    render("{% if messages[0]['role'] == 'system' %}\n{{ raise_exception('System role not supported') }}{% endif %}");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::checkpoint);
    EXPECT_STREQ(error.what(),
                 "tokenizer_config.json: chat template line 2: the template refuses: System role not supported");
  }
}

}  // namespace
}  // namespace touchstone
