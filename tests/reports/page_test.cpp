#include "tests/reports/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;

TEST(Page, EqualsTheGoldenFile) {
  const auto input = testing::with_arms(testing::fixed_report());
  testing::expect_golden("report.html", render_html(input, testing::all_sections()));
}

TEST(Page, MarkdownEqualsTheGoldenFile) {
  const auto input = testing::with_arms(testing::fixed_report());
  testing::expect_golden("report.md", render_markdown(input, testing::all_sections()));
  testing::expect_golden("report.txt", render_brief(input));
}

}  // namespace
}  // namespace touchstone
