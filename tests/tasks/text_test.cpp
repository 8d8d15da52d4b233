// Documents of the user's own, as a benchmark.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "tasks/book.hpp"
#include "tests/support/support.hpp"
#include "tests/support/toy_data.hpp"

namespace touchstone {
namespace {

class TextTask : public ::testing::Test {
 protected:
  TextTask() { add_tasks(book_); }
  const Task& task() const { return book_.tasks.get("text"); }
  std::string fault(const std::string& rows) {
    std::filesystem::create_directories(folder_.path() / "text");
    write_file_atomically(folder_.path() / "text/test.jsonl", rows);
    try {
      task().load(Split::test, DataFolders({folder_.path()}));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  testing::TemporaryFolder folder_;
  TaskBook book_;
};

TEST_F(TextTask, ScoresWholeDocuments) {
  EXPECT_EQ(fault("{\"text\": \"abcdefgh\"}\n\n{\"text\": \"x\"}\n"), "no error");
  const auto examples = task().load(Split::test, DataFolders({folder_.path()}));
  ASSERT_EQ(examples.size(), 2U);
  EXPECT_EQ(examples[1].id, "text/test/1");
  const auto requests = task().ask(examples[0], "", {});
  EXPECT_EQ(std::get<Rolling>(requests.at(0)).text, "abcdefgh");
  Response response;
  response.logp_nats = -16.0 * 0.69314718055994531;
  EXPECT_DOUBLE_EQ(task().judge(examples[0], std::span(&response, 1), {}).values.at("bits_per_byte,none"), 2.0);
}

TEST_F(TextTask, NamesTheLineThatIsWrong) {
  using ::testing::HasSubstr;
  EXPECT_THAT(fault("{\"text\": \"a\"}\n{\"txt\": \"b\"}\n"), HasSubstr("text/test.jsonl: line 2"));
  EXPECT_THAT(fault("{\"text\": \"\"}\n"), HasSubstr("line 1: key 'text': it is empty"));
}

}  // namespace
}  // namespace touchstone
