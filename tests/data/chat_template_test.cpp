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

// SmolVLM's and Idefics3's templates walk over parts alone, older ones print a text alone, some take both.
const std::string of_parts =
    "{% for m in messages %}{{ m['role'] }}:{% for p in m['content'] %}{% if p['type'] == 'text' %}{{ p['text'] }}"
    "{% elif p['type'] == 'image' %}<image>{% endif %}{% endfor %};{% endfor %}";
const std::string of_texts = "{% for m in messages %}{{ m['role'] + ':' + m['content'] }};{% endfor %}";
const std::string of_both =
    "{% for m in messages %}{{ m['role'] }}:{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for p in m['content'] %}{{ p['text'] if p['type'] == 'text' else '<image>' }}{% endfor %}{% endif %};{% endfor "
    "%}";

TEST(ChatTemplate, ATextGoesToATemplateThatWantsParts) {
  const Dialog turns{turn(Role::system, "Be brief."), turn(Role::user, "Hi"), turn(Role::assistant, "Yo"),
                     turn(Role::tool, "4")};
  for (const auto& source : {of_parts, of_texts, of_both}) {
    EXPECT_EQ(render(source, turns), "system:Be brief.;user:Hi;assistant:Yo;tool:4;") << source;
  }
}

TEST(ChatTemplate, APictureNeedsATemplateThatTakesParts) {
  const Turn asked{.role = Role::user, .parts = {Image{}, std::string("What?")}, .delimiter = {}};
  EXPECT_EQ(render(of_parts, {asked}, false), "user:<image>What?;");
  EXPECT_EQ(render(of_both, {asked}, false), "user:<image>What?;");
  // Printed as it is, the list would be Python's text of it.
  for (const std::string& source : {of_texts, std::string("{% for m in messages %}{{ m['content'] }}{% endfor %}")}) {
    EXPECT_THROW(render(source, {asked}), Error) << source;
  }
}

TEST(ChatTemplate, NamesTheSpecialTokensOfTheTokenizer) {
  const SpecialTokens tokens{.named = {{"pad_token", "<pad>"}, {"image_token", "<img>"}}, .additional = {"<a>", "<b>"}};
  EXPECT_EQ(
      ChatTemplate("{{ pad_token }}{{ image_token }}{{ bos_token }}{{ additional_special_tokens[1] }}", "here", tokens)
          .render(dialog, false),
      "<pad><img><b>");
}

}  // namespace
}  // namespace touchstone
