#include "harness/data/tool_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(ToolCall, TheFirstCallCounts) {
  const auto call = first_call("I would say get_user(name='Al', age='3') and then go()", CallForm::strict);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->name, "get_user");
  EXPECT_THAT(call->arguments, ElementsAre(Pair("age", "'3'"), Pair("name", "'Al'")));
  EXPECT_TRUE(first_call("math.sqrt()", CallForm::extended)->arguments.empty());
  for (const auto* none : {"", "no call", "name (a='1')", "f(a='1'", "((("}) {
    EXPECT_FALSE(first_call(none, CallForm::strict)) << none;
    EXPECT_FALSE(first_call(none, CallForm::extended)) << none;
  }
}

TEST(ToolCall, NamesHaveLettersBeyondAscii) {
  const std::string text = "def precio_año(año: int)";
  EXPECT_EQ(text.substr(4, tool_name_end(text, 4) - 4), "precio_año");
  EXPECT_EQ(tool_name_end(text, 3), 3U);
  EXPECT_EQ(tool_name_end(text, text.size()), text.size());
  EXPECT_THAT(listed_tools(text), ElementsAre(Pair("precio_año", UnorderedElementsAre("año"))));
  EXPECT_THAT(first_call("precio_año(año=3)", CallForm::extended)->arguments, ElementsAre(Pair("año", "3")));
}

TEST(ToolCall, StrictSeesSingleQuotesAloneAndEndsAtTheFirstParenthesis) {
  const auto call = first_call("f(a='1', b=2, c=\"x\", d='(y)')", CallForm::strict);
  ASSERT_TRUE(call);
  EXPECT_THAT(call->arguments, ElementsAre(Pair("a", "'1'")));
  EXPECT_EQ(first_call("f(a=1\n) g(b='2')", CallForm::strict)->name, "g");
}

TEST(ToolCall, ExtendedReadsPythonsValues) {
  const auto call =
      first_call(R"x(f(a = "x", b=-2.5, c=['p, q', (1, 2)], d={'k': "v)"}, e=True, g='it\'s'))x", CallForm::extended);
  ASSERT_TRUE(call);
  EXPECT_THAT(call->arguments,
              UnorderedElementsAre(Pair("a", "'x'"), Pair("b", "-2.5"), Pair("c", "['p, q', (1, 2)]"),
                                   Pair("d", R"x({'k': 'v)'})x"), Pair("e", "True"), Pair("g", R"("it's")")));
  const auto odd =
      first_call(R"x(f(a="it's", b='''a "b" (c)''', c=1_000, d='x' "y", e=(1,), f={2, 1}, g=pick('a, b'), h=1.50,))x",
                 CallForm::extended);
  ASSERT_TRUE(odd);
  EXPECT_THAT(odd->arguments, UnorderedElementsAre(Pair("a", R"("it's")"), Pair("b", R"x('a "b" (c)')x"),
                                                   Pair("c", "1000"), Pair("d", "'xy'"), Pair("e", "(1,)"),
                                                   Pair("f", "{1, 2}"), Pair("g", "pick('a, b')"), Pair("h", "1.5")));
  for (const auto* wrong : {"f(a)", "f(a=)", "f(a=1, a=2)", "f(a=[1)", "f(a='x)", "f(=1)", "f(a=1,"}) {
    EXPECT_FALSE(first_call(wrong, CallForm::extended)) << wrong;
  }
}

TEST(ListedTools, SignaturesAndJson) {
  const auto tools = listed_tools(
      "Function:\ndef get_name(id: str, style: str = 'a, b', *, deep=None):\n  \"\"\"...\"\"\"\nundef x\n"
      R"([{"name": "send", "parameters": {"type": "dict", "properties": {"to": {"type": "string"}, "cc": {}}}},)"
      R"( {"name":"stop"}, {"name": "not a tool"}])");
  EXPECT_THAT(tools, ElementsAre(Pair("get_name", UnorderedElementsAre("id", "style", "deep")),
                                 Pair("send", UnorderedElementsAre("to", "cc")), Pair("stop", UnorderedElementsAre())));
}

}  // namespace
}  // namespace touchstone
