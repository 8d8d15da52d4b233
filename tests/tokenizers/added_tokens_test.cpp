#include "backends/tokenizers/added_tokens.hpp"

#include <gtest/gtest.h>

#include <string>

namespace touchstone::tokenizers {
namespace {

/// "0-1 1-7x 5-6t 6-8": where each part lies, and which token it is.
std::string parts(const std::string& text) {
  AddedToken taking;
  taking.content = taking.form = "<x>";
  taking.rstrip = true;
  AddedToken tab;
  tab.content = tab.form = "\t";
  std::string found;
  AddedTokens({taking, tab}).split(text, true, [&](const AddedTokens::Found& part) {
    found += (found.empty() ? "" : " ") + std::to_string(part.first) + "-" + std::to_string(part.last);
    if (part.token != nullptr) found += part.token->content == "<x>" ? "x" : "t";
  });
  return found;
}

// The offsets that the tokenizers library 0.23.3 gives with the same two tokens in front of a WordLevel model.
TEST(AddedTokens, ATokenOfWhiteSpaceIsFoundInWhiteSpaceThatAnotherTook) {
  EXPECT_EQ(parts("a<x> \t a"), "0-1 1-7x 5-6t 6-8");
  EXPECT_EQ(parts("a<x>\ta"), "0-1 1-5x 4-5t 5-6");
  EXPECT_EQ(parts("a \t <x>a"), "0-2 2-3t 3-4 4-7x 7-8");
  EXPECT_EQ(parts("a<x> \t\t a"), "0-1 1-8x 5-6t 6-7t 7-9");
  EXPECT_EQ(parts("a<x>  \t"), "0-1 1-7x 6-7t");
  EXPECT_EQ(parts("\t <x> \t<x>"), "0-1t 1-2 2-7x 6-7t 7-10x");
}

}  // namespace
}  // namespace touchstone::tokenizers
