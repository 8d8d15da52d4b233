// What the report of a fixed input says, whole: snapshots of our own output, which show what a change does to it.
#include "tests/reports/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/support.hpp"

namespace touchstone {
namespace {

TEST(Page, IsAsBefore) {
  const auto input = testing::with_arms(testing::fixed_report());
  testing::expect_snapshot("report.html", render_html(input, testing::all_sections()));
}

TEST(Page, MarkdownAndBriefAreAsBefore) {
  const auto input = testing::with_arms(testing::fixed_report());
  testing::expect_snapshot("report.md", render_markdown(input, testing::all_sections()));
  testing::expect_snapshot("report.txt", render_brief(input));
}

}  // namespace
}  // namespace touchstone
