#include "tasks/parts/rows.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "harness/base/error.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

std::vector<std::vector<std::string>> fields(const std::string& text) {
  std::vector<std::vector<std::string>> all;
  for (const auto& row : parse_csv(text, "x.csv")) all.push_back(row.fields);
  return all;
}

using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, FollowsRfc4180) {
  EXPECT_EQ(fields("a,b\r\nc,d\r\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(fields("\"a,\"\"x\"\"\",b\n"), (Rows{{"a,\"x\"", "b"}}));
  EXPECT_EQ(fields("\"two\nlines\",\n"), (Rows{{"two\nlines", ""}}));
  EXPECT_EQ(fields("\"\",\"\""), (Rows{{"", ""}}));
  EXPECT_EQ(fields(",\n"), (Rows{{"", ""}}));
  EXPECT_EQ(fields("a\rb\n\n\nc"), (Rows{{"a"}, {"b"}, {"c"}}));
  EXPECT_EQ(fields(""), Rows{});
  EXPECT_EQ(fields("5' 4\" tall,x\n"), (Rows{{"5' 4\" tall", "x"}}));
  EXPECT_EQ(fields("\xef\xbb\xbf"
                   "a\n"),
            (Rows{{"a"}}));
}

TEST(Csv, CountsLinesInsideQuotes) {
  const auto rows = parse_csv("\"a\nb\"\nc\n\nd", "x.csv");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].line, 1U);
  EXPECT_EQ(rows[1].line, 3U);
  EXPECT_EQ(rows[2].line, 5U);
}

TEST(JsonLines, SkipsBlankLinesAndTakesCarriageReturns) {
  const auto rows = parse_json_lines("{\"a\": 1}\r\n\n  \n{\"a\": 2}", "x.jsonl");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].integer("a"), 2);
  EXPECT_EQ(rows[1].where, "x.jsonl: line 4");
}

TEST(JsonLines, EndAGzipBombEarly) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "bomb.jsonl.gz";
  const auto file = gzopen(path.c_str(), "wb9");
  ASSERT_NE(file, nullptr);
  const std::string zeros(std::size_t{1} << 20U, ' ');
  for (int i = 0; i < 8; ++i) gzwrite(file, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(file);
  EXPECT_LT(std::filesystem::file_size(path), 100000U);
  EXPECT_THROW(read_rows(path, {.file_bytes = std::size_t{2} << 20U}), Error);
  EXPECT_EQ(read_rows(path, {.file_bytes = std::size_t{9} << 20U}).size(), 0U);
}

TEST(DocumentHash, IsOverPythonsIndentedJson) {
  // hashlib.sha256(json.dumps({"q": "na\u00efve \"x\"\n\x7f\x01", "c": ["a", 1], "e": []}, indent=2,
  //                           ensure_ascii=False).encode()).hexdigest()
  const Json document = {{"q", "na\xc3\xafve \"x\"\n\x7f\x01"}, {"c", {"a", 1}}, {"e", Json::array()}};
  EXPECT_EQ(document_hash(document), "3077d68f1a3835a613c9c10cc1b9bd698a897628ee855932f6f94c018286690e");
}

}  // namespace
}  // namespace touchstone
