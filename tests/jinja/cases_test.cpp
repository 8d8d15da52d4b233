// Some thousand templates and what the Jinja2 of Python makes of them: made once by make_cases.py, which says how.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/jinja/template.hpp"

namespace touchstone {
namespace {

Json table() { return read_json(TOUCHSTONE_SOURCE_DIR "/tests/jinja/cases.json"); }

/// The text, or "refused: " and why.
std::string rendered(const std::string& source, const Json& values) {
  try {
    return jinja::Template(source, "case").render(values);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::checkpoint) << source;
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << source;
    return std::string("refused: ") + error.what();
  }
}

TEST(JinjaCases, RenderAsJinja2DoesOrAreRefusedByName) {
  const auto cases = table();
  std::size_t rendered_alike = 0;
  std::size_t refused_alike = 0;
  std::size_t refused_here = 0;
  for (const auto& one : cases.at("cases")) {
    const auto source = one.at("source").get<std::string>();
    const auto found = rendered(source, cases.at("values"));
    if (one.contains("raises")) {
      EXPECT_TRUE(found.starts_with("refused: "))
          << source << "\n  gives " << Json(found) << "\n  Jinja2 raises " << one.at("raises");
      ++refused_alike;
    } else if (one.contains("refused")) {
      EXPECT_TRUE(found.starts_with("refused: ")) << source << "\n  is listed as refused, gives " << Json(found);
      ++refused_here;
    } else {
      EXPECT_EQ(found, one.at("gives").get<std::string>()) << source;
      ++rendered_alike;
    }
  }
  EXPECT_GE(rendered_alike, 900U);
  EXPECT_GE(refused_alike, 250U);
  EXPECT_LE(refused_here, 60U);
}

}  // namespace
}  // namespace touchstone
