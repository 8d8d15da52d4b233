#include "harness/data/python_literal.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

/// The value's text, or "refused: " and why.
std::string read(const std::string& source) {
  try {
    return python_text(read_python_literal(source));
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data) << source;
    return std::string("refused: ") + error.what();
  }
}

// Made by make_literals.py; $TOUCHSTONE_LITERALS names another, larger table of its making.
TEST(PythonLiteral, ReadsWhatPythonReads) {
  const char* other = std::getenv("TOUCHSTONE_LITERALS");
  const auto table = read_json(other != nullptr ? other : TOUCHSTONE_SOURCE_DIR "/tests/data/literals.json");
  for (const auto& row : table.at("rows")) {
    const auto source = row[0].get<std::string>();
    const auto found = read(source);
    if (row[1].is_string()) {
      EXPECT_EQ(found, row[1].get<std::string>()) << source;
    } else {
      EXPECT_TRUE(found.starts_with("refused: ")) << Json(source) << " gives " << found << ", Python " << row[1];
    }
  }
}

TEST(PythonLiteral, WhatIsNotSupportedIsRefusedByName) {
  EXPECT_EQ(read("1j"), "refused: Python literal, byte 1: complex numbers are not supported");
  EXPECT_EQ(read("99999999999999999999"), "refused: Python literal, byte 20: a whole number does not fit into 64 bits");
  EXPECT_EQ(read("'a"), "refused: Python literal, byte 2: a text has no closing quote");
  // One line and whole characters, whatever the text holds.
  EXPECT_EQ(read("+ \n'2"), "refused: Python literal, byte 2: unexpected ' '");
  EXPECT_EQ(read("1 \u00e9"), "refused: Python literal, byte 2: unexpected '\u00e9'");
  EXPECT_EQ(read("'\\ud800'"), "refused: Python literal, byte 7: lone surrogates are not supported");
  EXPECT_EQ(read(std::string(300, '[')), "refused: Python literal, byte 101: is nested deeper than 100 levels");
}

}  // namespace
}  // namespace touchstone
