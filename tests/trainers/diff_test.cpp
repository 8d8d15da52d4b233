// What two texts have that the other has not, against Python's difflib (make_diffs.py) and by hand.
#include "trainers/text/diff.hpp"

#include <gmock/gmock.h>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Json expected() {
  return read_json(std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests" / "trainers" / "diffs.json");
}

TEST(Diff, EditsAreDifflibs) {
  const auto all = expected();
  ASSERT_EQ(all["sequences"].size(), 200U);
  for (const auto& one : all["sequences"]) {
    const auto a = one["a"].get<std::vector<std::uint32_t>>();
    const auto b = one["b"].get<std::vector<std::uint32_t>>();
    Json found = Json::array();
    for (const auto& edit : sequence_edits(a, b)) {
      found.push_back({edit.a_first, edit.a_last, edit.b_first, edit.b_last, edit.equal});
    }
    EXPECT_EQ(found, one["edits"]) << one["a"] << one["b"];
  }
}

TEST(Diff, Distances) {
  const auto all = expected();
  for (const auto& one : all["texts"]) {
    EXPECT_EQ(edit_distance(one["a"].get<std::string>(), one["b"].get<std::string>()), one["distance"]) << one;
  }
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_NEAR(text_similarity("kitten", "sitting"), 4.0 / 7, 1e-12);
  EXPECT_EQ(text_similarity("", ""), 1.0);
  EXPECT_EQ(text_similarity("", "abc"), 0.0);
  EXPECT_EQ(edit_distance("\xC3\xA9\xFF", "\xC3\xA8\xFF"), 1U);  // a letter of two bytes, a byte that is no UTF-8
}

std::vector<std::string> texts(const std::string& whole, const std::vector<ByteRange>& ranges) {
  std::vector<std::string> all;
  for (const auto& range : ranges) all.push_back(whole.substr(range.first, range.last - range.first));
  return all;
}

TEST(Diff, OnlyTheCharacterThatIsMissing) {
  const std::string right = "if x <= n:";
  const std::string wrong = "if x < n:";
  const auto diff = diff_texts(right, wrong);
  EXPECT_THAT(texts(right, diff.a_characters), ElementsAre("="));
  EXPECT_EQ(diff.a_characters.front().first, 6U);
  EXPECT_THAT(diff.b_characters, IsEmpty());
  EXPECT_THAT(texts(right, diff.a_lines), ElementsAre(right));
  EXPECT_THAT(texts(wrong, diff.b_lines), ElementsAre(wrong));
}

TEST(Diff, EqualLinesAreLeftAlone) {
  const std::string right = "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n";
  const std::string wrong = "def f(xs):\n    s = 1\n    for x in xs:\n        s += x\n    return s\n";
  const auto diff = diff_texts(right, wrong);
  EXPECT_THAT(texts(right, diff.a_lines), ElementsAre("    s = 0\n"));
  EXPECT_THAT(texts(right, diff.a_characters), ElementsAre("0"));
  EXPECT_THAT(texts(wrong, diff.b_characters), ElementsAre("1"));
}

// A line put before one that changed: the changed one is paired with its like, the new one has no partner.
TEST(Diff, LinesArePairedByLikeness) {
  const std::string right = "a = 1\nresult = total + 3\nend";
  const std::string wrong = "a = 1\nprint(a)\nresult = total - 3\nend";
  const auto diff = diff_texts(right, wrong);
  EXPECT_THAT(texts(right, diff.a_characters), ElementsAre("+"));
  EXPECT_THAT(texts(wrong, diff.b_characters), ElementsAre("print(a)\n", "-"));
  EXPECT_THAT(texts(wrong, diff.b_lines), ElementsAre("print(a)\nresult = total - 3\n"));
}

TEST(Diff, LinesThatAreOnlyOnOneSide) {
  const auto diff = diff_texts("x\ny\nz", "x\nz");
  ASSERT_EQ(diff.a_characters.size(), 1U);
  EXPECT_EQ(diff.a_characters[0].first, 2U);
  EXPECT_EQ(diff.a_characters[0].last, 4U);
  EXPECT_THAT(diff.b_lines, IsEmpty());
  EXPECT_THAT(diff_texts("same\n", "same\n").a_lines, IsEmpty());
  EXPECT_THAT(diff_texts("", "").b_lines, IsEmpty());
  EXPECT_THAT(texts("ab", diff_texts("ab", "").a_characters), ElementsAre("ab"));
}

}  // namespace
}  // namespace touchstone
