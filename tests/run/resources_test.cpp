#include "harness/run/resources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ResourcesTest : public ::testing::Test {
 protected:
  ResourcesTest() {
    for (const auto* file : {"configs/methods/sft.json", "configs/methods/asft.json", "configs/methods/notes.txt",
                             "configs/plans/quick.json", "configs/plans/papers/asft.json", "models/tiny/config.json",
                             "data/models/large/config.json", "data/model_old/hf/config.json"}) {
      std::filesystem::create_directories((folder_.path() / file).parent_path());
      write_file_atomically(folder_.path() / file, "{}");
    }
  }
  template <class Call>
  std::string message_of(const Call& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  testing::TemporaryFolder folder_;
  Resources resources_{folder_.path()};
  std::vector<std::filesystem::path> data_ = {folder_.path() / "data"};
};

TEST_F(ResourcesTest, FindsByNameAndByPath) {
  EXPECT_THAT(resources_.methods(), ElementsAre("asft", "sft"));
  EXPECT_THAT(resources_.plans(), ElementsAre("papers/asft", "quick"));
  EXPECT_EQ(resources_.method("sft"), folder_.path() / "configs/methods/sft.json");
  const auto path = (folder_.path() / "configs/methods/sft.json").string();
  EXPECT_EQ(resources_.method(path), path);
  EXPECT_EQ(resources_.plan("papers/asft"), folder_.path() / "configs/plans/papers/asft.json");
  EXPECT_EQ(resources_.model("tiny", data_), folder_.path() / "models/tiny");
  EXPECT_EQ(resources_.model("large", data_), folder_.path() / "data/models/large");
  EXPECT_EQ(resources_.model("old", data_), folder_.path() / "data/model_old/hf");
  EXPECT_EQ(resources_.model((folder_.path() / "models/tiny").string(), {}), folder_.path() / "models/tiny");
}

TEST_F(ResourcesTest, NamesTheNearestOne) {
  EXPECT_THAT(message_of([&] { resources_.method("sfd"); }), HasSubstr("did you mean 'sft'?"));
  EXPECT_THAT(message_of([&] { resources_.method("no/such.json"); }), HasSubstr("there is no such file"));
  EXPECT_THAT(message_of([&] { resources_.plan("quik"); }), HasSubstr("did you mean 'quick'?"));
  EXPECT_THAT(message_of([&] { resources_.model("tini", data_); }), HasSubstr("did you mean 'tiny'?"));
  EXPECT_THAT(message_of([&] { resources_.data_folders("/no/such/folder"); }), HasSubstr("--data names"));
}

TEST_F(ResourcesTest, NamedDataComesFirst) {
  const auto folders = resources_.data_folders(data_[0].string());
  ASSERT_FALSE(folders.empty());
  EXPECT_EQ(folders.front(), data_[0]);
  EXPECT_EQ(folders.back(), folder_.path() / "data/samples");
}

}  // namespace
}  // namespace touchstone
