#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "tests/reports/page.hpp"
#include "tests/support/demo_store.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

// TOUCHSTONE_DEMO names a folder that keeps the demo's database and page, to look at.
TEST(FromStore, TheSameDatabaseGivesTheSameBytes) {
  const testing::TemporaryFolder folder;
  const char* kept = std::getenv("TOUCHSTONE_DEMO");
  const auto path = (kept != nullptr ? std::filesystem::path(kept) : folder.path()) / "demo.sqlite";
  std::filesystem::remove(path);
  {
    Store store(path);
    testing::write_demo(store);
  }
  const auto render = [&] {
    const Store store(path, Store::Open::read_only);
    return render_html(collect(store), testing::all_sections());
  };
  const auto first = render();
  EXPECT_EQ(first, render());
  if (kept != nullptr) write_file_atomically(std::filesystem::path(kept) / "demo.html", first);
}

}  // namespace
}  // namespace touchstone
