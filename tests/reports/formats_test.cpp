// Untrusted text in every format, and what a program reads back from them, against the database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "harness/base/json.hpp"
#include "reports/blocks.hpp"
#include "reports/text.hpp"
#include "tests/reports/page.hpp"
#include "tests/support/demo_store.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string hostile[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</pre></details></table><h1>gone",
    "a | b || c",
    "[link](javascript:alert(1)) ![x](http://x.test/y.png) <http://x.test>",
    "**bold** _it_ `code` ~~no~~ # h",
    "```\nfence\n````",
    "=HYPERLINK(\"http://x.test\")",
    "+1+2",
    "-2+3",
    "@SUM(A1)",
    " \t=cmd|'/C calc'!A0",
    "say \"no\", twice\r\nand again",
    "\x1b[31mred\x1b[0m\a\x7f",
    "\xE2\x80\xAE"
    "desrever"
    "\xE2\x81\xA6",
    std::string("zero\0byte", 9),
    "not \xFF\xFE utf-8",
};

/// Control characters but line feeds and tabs, C1 controls, and what reorders or hides text: none may come out.
bool is_inert(const std::string& text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') return false;
    if (byte == 0x7F) return false;
    if (text.compare(at, 3, "\xE2\x80\xAE") == 0 || text.compare(at, 3, "\xE2\x81\xA6") == 0) return false;
  }
  return true;
}

class Hostile : public ::testing::TestWithParam<std::string> {
 protected:
  static ReportInput input() { return testing::with_arms(testing::report_of_text(GetParam())); }
};

/// The names of all tags, and of their attributes.
std::set<std::string> markup_of(const std::string& page) {
  std::set<std::string> found;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const auto end = page.find_first_of(" >\n/", at + 1 + (page[at + 1] == '/' ? 1 : 0));
    found.insert(page.substr(at + 1, end - at - 1));
  }
  return found;
}

TEST_P(Hostile, ThePageHoldsNoMarkupThatTheTextBrought) {
  const auto page = render_html(input(), testing::all_sections());
  const auto plain = render_html(testing::with_arms(testing::report_of_text("plain")), testing::all_sections());
  for (const auto& tag : markup_of(page)) EXPECT_TRUE(markup_of(plain).contains(tag)) << tag;
  EXPECT_THAT(page, Not(HasSubstr("onerror=alert(1)>")));
  EXPECT_TRUE(is_inert(page));
}

TEST_P(Hostile, MarkdownTablesKeepTheirColumns) {
  const auto page = render_markdown(input(), testing::all_sections(), testing::all_sections().names());
  EXPECT_TRUE(is_inert(page));
  // Every row of a table has as many cells as its head: bars inside of a cell are escaped.
  std::size_t wanted = 0;
  bool fenced = false;
  std::string fence;
  std::stringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    const auto ticks = line.find_first_not_of('`');
    if (!fenced && line.starts_with("```")) {
      fenced = true;
      fence = line;
      continue;
    }
    if (fenced) {
      fenced = !(ticks == std::string::npos && line.size() >= fence.size());
      continue;
    }
    EXPECT_THAT(line, Not(HasSubstr("<script")));
    EXPECT_THAT(line, Not(::testing::ContainsRegex("[^\\\\]\\]\\(javascript")));
    if (!line.starts_with('|')) {
      wanted = 0;
      continue;
    }
    std::size_t bars = 0;
    for (std::size_t at = 0; at < line.size(); ++at)
      if (line[at] == '|' && (at == 0 || line[at - 1] != '\\')) ++bars;
    if (wanted == 0) wanted = bars;
    EXPECT_EQ(bars, wanted) << line;
  }
  EXPECT_FALSE(fenced) << "a text ended or opened a fence";
}

/// RFC 4180, by the letter.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1);
  std::string field;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
      field += '"';
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '\r')) {
      rows.back().push_back(std::exchange(field, ""));
      if (c == '\r') {
        EXPECT_EQ(text.substr(at, 2), "\r\n");
        ++at;
        rows.emplace_back();
      }
    } else {
      field += c;
    }
  }
  EXPECT_FALSE(quoted);
  EXPECT_TRUE(rows.back().empty() && field.empty()) << "no line break at the end";
  rows.pop_back();
  return rows;
}

bool runs_in_a_spreadsheet(const std::string& field) {
  const auto first = field.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || std::string("=+-@|%").find(field[first]) == std::string::npos) return false;
  char* end = nullptr;
  std::strtod(field.c_str(), &end);
  return *end != 0;  // a number is one, sign and all
}

TEST_P(Hostile, CsvRunsNothingAndKeepsItsColumns) {
  const auto rows = read_csv(render_csv(input()));
  for (const auto& row : rows) {
    EXPECT_EQ(row.size(), rows.front().size());
    for (const auto& field : row) EXPECT_FALSE(runs_in_a_spreadsheet(field)) << field;
  }
  const auto tables = render_section_csv(input(), testing::all_sections(), {});
  EXPECT_TRUE(is_inert(tables));
  for (const auto& row : read_csv(tables)) {
    for (const auto& field : row) EXPECT_FALSE(runs_in_a_spreadsheet(field)) << field;
  }
}

TEST_P(Hostile, JsonGivesTheTextBack) {
  const auto valid =
      Json::parse(Json(GetParam()).dump(-1, ' ', true, Json::error_handler_t::replace)).get<std::string>();
  const auto report = Json::parse(render_json(input()));
  EXPECT_EQ(report["cells"][0]["method"].get<std::string>(), valid);
  const auto sections = render_section_json(input(), testing::all_sections(), {});
  EXPECT_TRUE(is_inert(sections));
  // One seed only, and no metric beside the benchmarks' own: three sections have nothing to say.
  EXPECT_EQ(Json::parse(sections)["sections"].size() + 3, testing::all_sections().names().size());
  EXPECT_EQ(Json::parse(render_lm_eval(input()))[0]["model_name"].get<std::string>(), valid);
}

TEST_P(Hostile, TheTerminalGetsNoControl) { EXPECT_TRUE(is_inert(render_brief(input()))); }

INSTANTIATE_TEST_SUITE_P(Texts, Hostile, ::testing::ValuesIn(hostile));

TEST(Escaping, ByHand) {
  EXPECT_EQ(reports::html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  EXPECT_EQ(reports::html("\x1b[0m"), "\xE2\x90\x9B[0m");
  EXPECT_EQ(reports::html("\xE2\x80\xAE"), "[U+202E]");
  EXPECT_EQ(reports::markdown("a|b*c_d`e<f>&"), "a\\|b\\*c\\_d\\`e&lt;f&gt;&amp;");
  EXPECT_EQ(reports::markdown("one\ntwo"), "one two");
  EXPECT_EQ(reports::csv_text("=1+1"), "\"'=1+1\"");
  EXPECT_EQ(reports::csv_text("a,\"b\""), "\"a,\"\"b\"\"\"");
  EXPECT_EQ(reports::csv_text("plain"), "plain");
}

TEST(Prose, MarksBecomeLooks) {
  const auto text = reports::prose("A **b** `c` [d](#drop) * e");
  ASSERT_EQ(text.pieces.size(), 7U);
  EXPECT_EQ(text.pieces[1].look, Look::strong);
  EXPECT_EQ(text.pieces[3].look, Look::code);
  EXPECT_EQ(text.pieces[5].link, "drop");
  EXPECT_EQ(reports::html_of(text), "A <b>b</b> <code>c</code> <a href=\"#drop\">d</a> * e");
  EXPECT_EQ(reports::markdown_of(text), "A **b** c d \\* e");
}

// Spans and groups, for formats that have neither.
TEST(Tables, FlattenIntoColumns) {
  ReportTable table;
  table.caption = "Two heads";
  table.head = {
      {reports::head_cell("", 1), reports::head_cell("ECE", 2, "n")},
      {reports::head_cell("Method"), reports::head_cell("before", 1, "n"), reports::head_cell("after", 1, "n")}};
  table.groups = {
      {"base", {{reports::head_cell("sft"), reports::number_cell(0.125, "0.1"), reports::among_numbers("–")}}}};
  EXPECT_EQ(reports::csv_of({table}), "Two heads\r\nGroup,Method,ECE before,ECE after\r\nbase,sft,0.125,–\r\n");
  EXPECT_EQ(reports::markdown_of({table}),
            "Two heads:\n\n| Group | Method | ECE before | ECE after |\n| --- | --- | ---: | ---: |\n"
            "| base | sft | 0.1 | – |\n\n");
  const auto json = reports::json_of({table});
  EXPECT_EQ(json[0]["rows"][0][2]["value"], 0.125);
  EXPECT_EQ(json[0]["columns"][3], "ECE after");
}

/// A whole database, with answers that are hostile too.
class ReadBack : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder;
    testing::DemoPlan plan;
    plan.poison = "\"<b>,\n=1+1\x1b";
    Store store(folder_->path() / "demo.sqlite");
    testing::write_demo(store, plan);
  }
  static void TearDownTestSuite() { delete folder_; }
  static Store open() { return Store(folder_->path() / "demo.sqlite", Store::Open::read_only); }

  static inline testing::TemporaryFolder* folder_ = nullptr;
};

TEST_F(ReadBack, CsvHoldsEveryScoreAndChangeOfTheDatabase) {
  const auto store = open();
  const auto input = collect(store);
  const auto rows = read_csv(render_csv(input));
  std::map<std::string, std::size_t> column;
  for (std::size_t at = 0; at < rows[0].size(); ++at) column[rows[0][at]] = at;
  const auto number = [&](const std::vector<std::string>& row, const std::string& name) {
    return std::stod(row.at(column.at(name)));
  };
  std::size_t at = 1;
  for (const auto& measure : store.measures()) {
    for (const auto& score : measure.scores) {
      const auto& row = rows.at(at++);
      EXPECT_EQ(row.at(column.at("record")), "score");
      EXPECT_EQ(row.at(column.at("task")), measure.task);
      EXPECT_EQ(number(row, "value"), score.value);  // every bit
      EXPECT_EQ(number(row, "stderr"), score.stderror);
      EXPECT_EQ(number(row, "scale"), score.unit.scale);
    }
  }
  std::size_t changes = 0;
  for (const auto& change : input.changes) {
    for (const auto& task : change.tasks) {
      const auto& row = rows.at(at++);
      EXPECT_EQ(row.at(column.at("record")), "change");
      EXPECT_EQ(number(row, "change"), task.paired.difference);
      EXPECT_EQ(number(row, "p_holm"), task.p_holm);
      EXPECT_EQ(number(row, "detectable"), task.paired.detectable());
      ++changes;
    }
  }
  EXPECT_GT(changes, 20U);
  EXPECT_EQ(at + store.cells().size(), rows.size());
}

TEST_F(ReadBack, JsonHoldsTheSame) {
  const auto store = open();
  const auto input = collect(store);
  const auto report = Json::parse(render_json(input));
  const auto measures = store.measures();
  ASSERT_EQ(report["measures"].size(), measures.size());
  for (std::size_t at = 0; at < measures.size(); ++at) {
    EXPECT_EQ(report["measures"][at]["key"], measures[at].key);
    EXPECT_EQ(report["measures"][at]["scores"][0]["value"].get<double>(), measures[at].scores[0].value);
    EXPECT_EQ(report["measures"][at]["family"], measures[at].family);
  }
  ASSERT_EQ(report["changes"].size(), input.changes.size());
  EXPECT_EQ(report["changes"][0]["tasks"][0]["change"].get<double>(), input.changes[0].tasks[0].paired.difference);
}

TEST_F(ReadBack, LmEvalHoldsEveryTaskOfEveryModel) {
  const auto store = open();
  const auto results = Json::parse(render_lm_eval(collect(store)));
  ASSERT_EQ(results.size(), store.models().size());
  for (const auto& model : store.models()) {
    const auto one = std::find_if(results.begin(), results.end(),
                                  [&](const Json& entry) { return entry["config"]["model_sha"] == model.hash; });
    ASSERT_NE(one, results.end());
    for (const auto& measure : store.measures(model.id)) {
      const auto& score = measure.scores.front();
      EXPECT_EQ((*one)["results"][measure.task][score.metric].get<double>(), score.value);
      EXPECT_EQ((*one)["n-shot"][measure.task], measure.shots);
      EXPECT_EQ((*one)["n-samples"][measure.task]["effective"], measure.items);
    }
  }
}

// A section's table is one thing: page, Markdown, CSV and JSON show the same numbers.
TEST_F(ReadBack, ASectionReachesEveryFormat) {
  const auto input = collect(open());
  const auto book = testing::all_sections();
  const auto json = Json::parse(render_section_json(input, book, {"drop"}));
  ASSERT_EQ(json["sections"].size(), 1U);
  const auto& table = json["sections"][0]["blocks"][0];
  const auto rows = read_csv(render_section_csv(input, book, {"drop"}));
  const auto markdown = render_markdown(input, book, {"drop"});
  const auto page = render_html(input, book, {"drop"});
  ASSERT_EQ(rows.size(), table["rows"].size() + 2);
  for (std::size_t at = 0; at < table["rows"].size(); ++at) {
    for (std::size_t column = 0; column < table["columns"].size(); ++column) {
      const auto& cell = table["rows"][at][column];
      if (!cell.is_object() || cell["value"].is_null()) continue;
      EXPECT_EQ(std::stod(rows[at + 2][column]), cell["value"].get<double>());
      EXPECT_THAT(markdown, HasSubstr(cell["shown"].get<std::string>()));
      EXPECT_THAT(page, HasSubstr(cell["shown"].get<std::string>()));
    }
  }
  EXPECT_THROW(render_html(input, book, {"dorp"}), Error);
}

TEST_F(ReadBack, TheNumberOfFlipsAskedForIsKept) {
  const auto store = open();
  for (const int wanted : {0, 1, 5, 1000}) {
    ReportSettings settings;
    settings.flips_shown = wanted;
    const auto input = collect(store, settings);
    EXPECT_EQ(input.flips.empty(), wanted == 0);
    for (const auto& flips : input.flips) {
      EXPECT_EQ(static_cast<std::int64_t>(flips.shown.size()),
                std::min<std::int64_t>(wanted, flips.lost + flips.gained));
    }
  }
}

// Whatever order cells ended in, and in every group the same.
TEST_F(ReadBack, MethodsComeInThePlansOrder) {
  const auto input = collect(open());
  std::map<std::string, std::vector<std::string>> methods;
  for (const auto& arm : input.arms) methods[arm.trained_on].push_back(arm.method);
  for (const auto& [task, order] : methods) {
    EXPECT_THAT(order, ::testing::ElementsAre("sft", "lora", "replay", "asft")) << task;
  }
}

// A database of measurements alone has scores, and every format says them.
TEST(ScoresAlone, StandInEveryFormat) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "scores.sqlite";
  {
    testing::DemoPlan plan;
    plan.methods = {};
    Store store(path);
    testing::write_demo(store, plan);
  }
  const auto input = collect(Store(path, Store::Open::read_only));
  ASSERT_TRUE(input.arms.empty());
  const auto book = testing::all_sections();
  const auto value = input.measures.back().scores.front().value;
  char shown[16];
  std::snprintf(shown, sizeof shown, "%.1f", 100.0 * value);
  for (const auto& text : {render_brief(input), render_markdown(input, book), render_html(input, book)}) {
    EXPECT_THAT(text, HasSubstr("truthfulqa"));
    EXPECT_THAT(text, HasSubstr(shown));
  }
}

}  // namespace
}  // namespace touchstone
