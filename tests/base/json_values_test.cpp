#include "harness/base/json_values.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

using Limits = std::numeric_limits<double>;

/// Through the text of a file and back.
Json read_back(const Json& json) { return parse_json(json.dump(), "file"); }

TEST(JsonValues, EveryNumberComesBackToTheLastBit) {
  for (const double value : {0.0, -0.0, 0.1, -1.0 / 3.0, Limits::denorm_min(), Limits::max(), -Limits::max(),
                             Limits::infinity(), -Limits::infinity(), 1e23, 5e-324, 9007199254740993.0}) {
    const auto back = number_from(read_back(number_json(value)));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << value;
  }
  EXPECT_TRUE(std::isnan(number_from(read_back(number_json(Limits::quiet_NaN())))));
  EXPECT_TRUE(std::isnan(number_from(read_back(number_json(-Limits::quiet_NaN())))));
}

TEST(JsonValues, TheFormOfNumbersIsThatOfTheFilesThereAre) {
  EXPECT_EQ(number_json(0.1).dump(), "0.1");
  EXPECT_EQ(number_json(Limits::quiet_NaN()).dump(), R"("nan")");
  EXPECT_EQ(number_json(-Limits::infinity()).dump(), R"("-inf")");
  EXPECT_TRUE(std::isnan(number_from(nullptr)));  // as older answer logs hold it
  EXPECT_EQ(number_or_null(0.25).dump(), "0.25");
  EXPECT_EQ(number_or_null(Limits::infinity()).dump(), "null");
}

TEST(JsonValues, OtherTextsInThePlaceOfANumberAreRefused) {
  for (const auto* wrong : {R"("NaN")", R"("1")", "true", "[1]", "{}"}) {
    EXPECT_THROW(number_from(Json::parse(wrong)), Error) << wrong;
  }
}

TEST(JsonValues, EveryTextComesBackToTheLastByte) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  const std::vector<std::string> texts = {"",
                                          std::string("a\0b", 3),
                                          "h\xc3\xa9\n\"\\",
                                          "\xff",
                                          "a\xed\xa0\x80z",
                                          "\xf0\x9f\x98",
                                          "\xef\xbf\xbd",
                                          "\xc0\x80",
                                          all_bytes};
  for (const auto& text : texts) {
    Json object = Json::object();
    put_text(object, text);
    EXPECT_EQ(text_from(read_back(object)), text);
  }
}

TEST(JsonValues, TheFormOfTextsIsThatOfTheFilesThereAre) {
  Json plain = Json::object();
  put_text(plain, "caf\xc3\xa9");
  EXPECT_EQ(plain, Json({{"text", "caf\xc3\xa9"}}));
  Json broken = Json::object();
  put_text(broken, "a\xff");
  EXPECT_EQ(broken, Json({{"text", "a\xef\xbf\xbd"}, {"bytes", "61ff"}}));
  EXPECT_EQ(text_from(Json::parse(R"({"text": [97, 255]})")), "a\xff");  // as older answer logs hold it
}

TEST(JsonValues, DamagedTextsAreRefused) {
  for (const auto* wrong : {R"({"text": "", "bytes": "6"})", R"({"text": "", "bytes": "6g"})", R"({"text": 1})",
                            R"({"text": "", "bytes": 61})", R"({"text": [256]})", R"({"text": ["a"]})"}) {
    EXPECT_THROW(text_from(Json::parse(wrong)), Error) << wrong;
  }
}

}  // namespace
}  // namespace touchstone
