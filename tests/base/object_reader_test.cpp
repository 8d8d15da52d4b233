#include "harness/base/object_reader.hpp"

#include <gtest/gtest.h>

namespace touchstone {
namespace {

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    return error.what();
  }
  return "no error";
}

const Json object = Json::parse(R"({"layers": 8, "rate": 0.5, "kind": "llama", "names": ["a", 7], "on": true,
                                    "none": null, "large": 18446744073709551615, "real": 8192.0, "half": 0.5,
                                    "huge": 1e300, "inner": {}})");

ObjectReader reader(ObjectReader::Rules rules = {}) {
  rules.fault = Fault::data;
  return {object, "config.json", rules};
}

TEST(ObjectReader, ReadsEachKind) {
  EXPECT_EQ(reader().integer("layers", 1, 8), 8);
  EXPECT_EQ(reader().number("rate", 0.5, 0.5), 0.5);
  EXPECT_EQ(reader().number("layers"), 8.0);
  EXPECT_EQ(reader().text("kind"), "llama");
  EXPECT_TRUE(reader().flag("on"));
  EXPECT_TRUE(reader().object("inner").empty());
  EXPECT_EQ(reader().find("absent"), nullptr);
  EXPECT_TRUE(reader().has("none"));
  EXPECT_FALSE(reader({.null_is_missing = true}).has("none"));
  EXPECT_EQ(reader({.whole_reals = true}).integer("real"), 8192);
}

TEST(ObjectReader, SaysPlaceKeyFoundAndExpected) {
  const std::string place = "config.json: key ";
  EXPECT_EQ(message_of([] { reader().integer("layers", 1, 7); }),
            place + "'layers': found 8, expected a whole number in [1, 7]");
  EXPECT_EQ(message_of([] { reader().integer("layers", 9); }),
            place + "'layers': found 8, expected a whole number of at least 9");
  EXPECT_EQ(message_of([] { reader().integer("large"); }),
            place + "'large': found 18446744073709551615, expected a whole number");
  EXPECT_EQ(message_of([] { reader().integer("real"); }), place + "'real': found 8192.0, expected a whole number");
  EXPECT_EQ(message_of([] { reader({.whole_reals = true}).integer("half"); }),
            place + "'half': found 0.5, expected a whole number");
  EXPECT_EQ(message_of([] { reader({.whole_reals = true}).integer("huge"); }),
            place + "'huge': found 1e+300, expected a whole number");
  EXPECT_EQ(message_of([] { reader().number("rate", 1, 2); }),
            place + "'rate': found 0.5, expected a number in [1, 2]");
  EXPECT_EQ(message_of([] { reader().number("kind"); }), place + "'kind': found \"llama\", expected a number");
  EXPECT_EQ(message_of([] { reader().text("on"); }), place + "'on': found true, expected a text");
  EXPECT_EQ(message_of([] { reader().flag("layers"); }), place + "'layers': found 8, expected true or false");
  EXPECT_EQ(message_of([] { reader().texts("names"); }), place + "'names': item 2: found 7, expected a text");
  EXPECT_EQ(message_of([] { reader().texts("kind"); }), place + "'kind': found \"llama\", expected a list of texts");
  EXPECT_EQ(message_of([] { reader().object("names"); }), place + "'names': found [\"a\",7], expected an object");
  EXPECT_EQ(message_of([] { ObjectReader(Json::array(), "config.json", {.fault = Fault::data}); }),
            "config.json: found [], expected an object");
}

TEST(ObjectReader, NamesWhatIsThereInsteadOfAMissingKey) {
  EXPECT_EQ(message_of([] { reader().text("kinds"); }),
            "config.json: key 'kinds' is missing (found 'kind': misspelt?)");
  EXPECT_EQ(
      message_of([] { reader().integer("vocabulary_size"); }),
      "config.json: key 'vocabulary_size' is missing; there are: layers, rate, kind, names, on, none, large, real, "
      "half, huge, inner");
  const Json empty = Json::object();
  EXPECT_EQ(message_of([&] { ObjectReader(empty, "x", {.fault = Fault::data}).at("a"); }), "x: key 'a' is missing");
}

TEST(ObjectReader, CopiesShareWhatWasRead) {
  const Json two = {{"rate", 1}, {"rates", 2}};
  const ObjectReader first(two, "x", {.fault = Fault::data});
  const ObjectReader second = first;
  second.integer("rate");
  EXPECT_EQ(message_of([&] { first.refuse_unread(); }), "x: unknown key 'rates': did you mean 'rate'?");
  first.integer("rates");
  second.refuse_unread();
}

TEST(ObjectReader, LongValuesAreShownByTheirSize) {
  EXPECT_EQ(shown_json(Json(std::vector<int>(100, 1))), "a list of 100 members");
  const auto text = shown_json(Json(std::string(200, 'x')));
  EXPECT_EQ(text, "\"" + std::string(79, 'x') + "...");
  // Cut at a whole character, and never refused for bytes that are not UTF-8.
  EXPECT_EQ(shown_json(Json(std::string(78, 'x') + "\u00e9\u00e9")), "\"" + std::string(78, 'x') + "...");
  EXPECT_EQ(shown_json(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace touchstone
