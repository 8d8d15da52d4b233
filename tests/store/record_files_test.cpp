// The files of records that a cell's stages made, and the schema that came with them.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/data/made_file.hpp"
#include "harness/store/schema.hpp"
#include "harness/store/store.hpp"
#include "tests/store/fixture.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the fixture's builders
using ::testing::HasSubstr;

class RecordFiles : public ::testing::Test {
 protected:
  std::int64_t begin_cell(Store& store) {
    RunRow row;
    row.name = "plan";
    row.plan_hash = "plan";
    row.plan_json = "{}";
    const auto run = store.begin_run(row, store.environment(environment()));
    return store.begin_cell(run, cell_row("cell", store.model(model_row("base", "base"))));
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "results.sqlite";
  RecordFile file_{.stage = 1,
                   .name = "sample",
                   .file = "1-sample.jsonl.gz",
                   .rows = 24,
                   .answers = 72,
                   .written = 48,
                   .bytes = 9000,
                   .sha256 = std::string(64, 'a')};
};

TEST_F(RecordFiles, AreStoredWholeAndReplaced) {
  Store store(path_);
  const auto cell = begin_cell(store);
  const auto before = store.content_digest();
  EXPECT_THROW(store.records(cell, {file_, file_}), Error);  // one stage twice
  EXPECT_TRUE(store.records(cell).empty());
  store.records(cell, {file_});
  store.records(cell, {file_});
  ASSERT_EQ(store.records(cell).size(), 1U);
  const auto found = store.records(cell)[0];
  EXPECT_EQ(found.stage, 1);
  EXPECT_EQ(found.name, "sample");
  EXPECT_EQ(found.file, "1-sample.jsonl.gz");
  EXPECT_EQ(found.rows, 24);
  EXPECT_EQ(found.answers, 72);
  EXPECT_EQ(found.written, 48);
  EXPECT_EQ(found.bytes, 9000);
  EXPECT_EQ(found.sha256, file_.sha256);
  EXPECT_NE(store.content_digest(), before);
}

TEST_F(RecordFiles, AnOlderDatabaseIsBroughtUpToDate) {
  {
    SQLite::Database database(path_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    migrate(database, migrations().first(1), "results.sqlite");
  }
  try {
    const Store old(path_, Store::Open::read_only);
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("found schema version 1, expected " + std::to_string(migrations().back().version)));
  }
  Store store(path_);
  EXPECT_TRUE(store.problems().empty());
  const auto cell = begin_cell(store);
  store.records(cell, {file_});
  EXPECT_EQ(store.records(cell).size(), 1U);
}

}  // namespace
}  // namespace touchstone
