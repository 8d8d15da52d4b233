// A task whose training examples have no end: rows by number and by the job's seed.
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/data/prompt.hpp"
#include "tasks/book.hpp"
#include "trainers/rows/records.hpp"

namespace touchstone {

namespace {

class Endless : public ::testing::Test {
 protected:
  void SetUp() override {
    add_tasks(book_);
    job_.tasks = &book_;
    job_.data = &data_;
  }

  TaskBook book_;
  DataFolders data_;
  TrainJob job_;
};

TEST_F(Endless, AsManyRowsAsWantedWithoutAPrompt) {
  const auto rows = load_records(job_, "micro-corpus", std::nullopt, 1200);
  ASSERT_EQ(rows.size(), 1200U);
  for (const auto& row : rows) {
    EXPECT_EQ(plain_text(row.prompt), "");
    EXPECT_FALSE(row.answers.front().text.empty());
  }
}

TEST_F(Endless, TheSeedDecidesAndTheNumberDoesNot) {
  const auto few = load_records(job_, "micro-corpus", std::nullopt, 20);
  const auto many = load_records(job_, "micro-corpus", std::nullopt, 40);
  job_.seed += 1;
  const auto other = load_records(job_, "micro-corpus", std::nullopt, 20);
  int same = 0;
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].answers.front().text, many[i].answers.front().text);
    same += few[i].answers.front().text == other[i].answers.front().text ? 1 : 0;
  }
  EXPECT_LT(same, 5);
}

TEST_F(Endless, WithoutANumberItIsRefused) {
  check_task_data(job_, "micro-corpus", std::nullopt);
  try {
    refuse_endless(job_, "micro-gsm8k", std::nullopt);
    EXPECT_THROW(load_records(job_, "micro-corpus", std::nullopt), Error);
    refuse_endless(job_, "micro-corpus", std::nullopt);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'limit'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace touchstone
