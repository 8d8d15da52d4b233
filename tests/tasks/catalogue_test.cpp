#include "harness/data/catalogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/measure/measure.hpp"
#include "tasks/book.hpp"
#include "tests/support/hash_engine.hpp"
#include "tests/support/support.hpp"
#include "tests/support/toy_data.hpp"

namespace touchstone {

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path sample_count = fs::path(TOUCHSTONE_SOURCE_DIR) / "data" / "samples";
const std::string full_row = "{\"question\": \"q\", \"answer\": \"#### 1\"}\n";

class Catalogue : public ::testing::Test {
 protected:
  void SetUp() override { add_tasks(book_); }

  std::vector<CatalogueFile> files(const fs::path& folder, const std::string& name, bool verify = true) {
    return data_files(book_, DataFolders({folder}), {name}, verify);
  }

  std::string import_fault(const std::string& name, const fs::path& source, std::optional<Split> split = std::nullopt) {
    try {
      import_data(book_, name, source, folder_.path() / "target", split);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  TaskBook book_;
  testing::TemporaryFolder folder_;
};

TEST_F(Catalogue, TheSamplesAreWholeAndReadable) {
  for (const char* benchmark : {"mmlu", "gsm8k", "truthfulqa"}) {
    const auto all = files(sample_count, benchmark);
    EXPECT_EQ(all.size(), std::string(benchmark) == "mmlu" ? 171U : 2U);
    for (const auto& file : all) {
      EXPECT_TRUE(file.state == FileState::listed || file.state == FileState::published)
          << file.wanted << " " << file_state_name(file.state) << " " << file.problem;
      EXPECT_GT(file.examples, 0) << file.wanted;
    }
  }
}

TEST_F(Catalogue, OneFileStandsOnceWithAllItsTasks) {
  const auto all = data_files(book_, DataFolders({sample_count}), {"gsm8k_cot", "gsm8k"}, false);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].tasks, (std::vector<std::string>{"gsm8k_cot", "gsm8k"}));
  EXPECT_EQ(all[0].state, FileState::there);
  EXPECT_EQ(all[0].licence, "MIT");
  EXPECT_THROW(data_files(book_, DataFolders(), {"nothing"}, false), Error);
}

TEST_F(Catalogue, MissingDiffersAndUnreadableFiles) {
  testing::write_text(folder_.path() / "gsm8k/test.jsonl", full_row);
  testing::write_text(folder_.path() / "gsm8k/train.jsonl", "{\"question\": 1}\n");
  const auto all = files(folder_.path(), "gsm8k");
  EXPECT_EQ(all[0].state, FileState::differs);
  EXPECT_EQ(all[0].examples, 1);
  EXPECT_THAT(all[1].problem, HasSubstr("'question': found 1, expected a text"));
  EXPECT_EQ(all[1].examples, -1);
  EXPECT_EQ(files(folder_.path(), "truthfulqa_gen")[0].state, FileState::missing);
}

TEST_F(Catalogue, ImportsAFileByItsNameAndListsIt) {
  testing::write_text(folder_.path() / "in/test.jsonl", full_row + full_row);
  const auto target = folder_.path() / "target";
  const auto imported = import_data(book_, "gsm8k", folder_.path() / "in/test.jsonl", target);
  ASSERT_EQ(imported.size(), 1U);
  EXPECT_EQ(imported[0].to, target / "gsm8k/test.jsonl");
  EXPECT_EQ(imported[0].examples, 2);
  EXPECT_EQ(imported[0].state, FileState::listed);
  EXPECT_EQ(files(target, "gsm8k")[0].state, FileState::listed);
  EXPECT_EQ(std::distance(fs::directory_iterator(target), {}), 1);  // nothing of the staging is left
  // A later change of the file is noticed, and measuring refuses it.
  testing::write_text(target / "gsm8k/test.jsonl", full_row);
  EXPECT_EQ(files(target, "gsm8k")[0].state, FileState::changed);
  testing::write_text(target / "gsm8k/train.jsonl", full_row);
  EXPECT_THROW(data_identity(book_.tasks.get("gsm8k"), DataFolders({target})), Error);
}

TEST_F(Catalogue, ImportsAWholeFolder) {
  const auto target = folder_.path() / "target";
  EXPECT_EQ(import_data(book_, "mmlu", sample_count / "mmlu", target).size(), 171U);
  EXPECT_EQ(import_data(book_, "truthfulqa", sample_count, target).size(), 2U);
  for (const auto& file : files(target, "mmlu")) {
    EXPECT_TRUE(file.state == FileState::listed || file.state == FileState::published) << file.wanted;
  }
}

TEST_F(Catalogue, ImportsAFileUnderAnotherNameWithItsSplit) {
  testing::write_text(folder_.path() / "mine.jsonl", full_row);
  const auto target = folder_.path() / "target";
  EXPECT_THAT(import_fault("gsm8k", folder_.path() / "mine.jsonl"), HasSubstr("gsm8k/test.jsonl"));
  EXPECT_EQ(import_data(book_, "gsm8k", folder_.path() / "mine.jsonl", target, Split::train)[0].to,
            target / "gsm8k/train.jsonl");
}

TEST_F(Catalogue, RefusesWhatItCannotUseAndWritesNothing) {
  testing::write_text(folder_.path() / "test.jsonl", "{\"question\": \"q\"}\n");
  EXPECT_THAT(import_fault("gsm8k", folder_.path() / "test.jsonl"), HasSubstr("line 1: key 'answer' is missing"));
  EXPECT_FALSE(fs::exists(folder_.path() / "target/gsm8k"));
  testing::write_text(folder_.path() / "empty/test.jsonl", "\n");
  EXPECT_THAT(import_fault("gsm8k", folder_.path() / "empty/test.jsonl"), HasSubstr("found no example"));
  EXPECT_THAT(import_fault("gsm8k", folder_.path() / "nowhere"), HasSubstr("no such file or folder"));
  EXPECT_THAT(import_fault("gsm8k", folder_.path() / "empty"), HasSubstr("found no example"));
  EXPECT_THAT(import_fault("mmlu", folder_.path() / "test.jsonl"), HasSubstr("could be"));
  EXPECT_THAT(import_fault("mmlu", folder_.path() / "empty/../mine.csv"), HasSubstr("no such file"));
  EXPECT_THAT(import_fault("gsm9k", folder_.path() / "test.jsonl"), HasSubstr("did you mean 'gsm8k'"));
}

TEST_F(Catalogue, ABrokenManifestIsAnError) {
  testing::write_text(folder_.path() / "gsm8k/test.jsonl", full_row);
  testing::write_text(folder_.path() / "gsm8k/MANIFEST.json", "{\"files\": [{\"path\": 3}]}");
  EXPECT_THAT(files(folder_.path(), "gsm8k")[0].problem, HasSubstr("expected a text as 'path'"));
}

// The whole of the four benchmarks' prompts and judging works on what the repository carries.
TEST_F(Catalogue, TheSamplesCanBeMeasured) {
  testing::HashEngine engine(testing::thinking_text);
  MeasureSettings settings;
  settings.tasks = {"mmlu", "gsm8k", "truthfulqa"};
  settings.limit = 2;
  const auto result = measure(settings, book_, DataFolders({sample_count}), engine);
  EXPECT_EQ(result.tasks.size(), 57U + 1 + 3);
  EXPECT_EQ(result.groups.at(0).items, 114);
  bool said = false;
  for (const auto& warning : result.tasks.back().warnings) {
    said = said || warning.text.find("is a sample") != std::string::npos;
  }
  EXPECT_TRUE(said);
}

}  // namespace
}  // namespace touchstone
