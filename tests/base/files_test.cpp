#include "harness/base/files.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "harness/base/error.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

TEST(Files, AtomicWriteLeavesNothingElse) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder.path() / "a.txt", "one");
  write_file_atomically(folder.path() / "a.txt", "two");
  EXPECT_EQ(read_file(folder.path() / "a.txt"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_THROW(write_file_atomically(folder.path() / "no" / "a.txt", "x"), Error);
}

TEST(Files, ReadingIsBounded) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder.path() / "a.txt", "12345");
  EXPECT_THROW(read_file(folder.path() / "a.txt", 4), Error);
  EXPECT_THROW(read_file(folder.path()), Error);
  EXPECT_THROW(read_file(folder.path() / "b.txt"), Error);
}

TEST(Files, FolderAppearsAtCommitOnly) {
  const testing::TemporaryFolder folder;
  const auto target = folder.path() / "model";
  {
    const FolderWriter writer(target);
    write_file_atomically(writer.path() / "config.json", "{}");
    EXPECT_FALSE(std::filesystem::exists(target));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  for (const char* text : {"1", "2"}) {
    FolderWriter writer(target);
    write_file_atomically(writer.path() / "config.json", text);
    writer.commit();
    EXPECT_EQ(read_file(target / "config.json"), text);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Files, AGzipBombEndsAtTheLimit) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "bomb.jsonl.gz";
  const auto file = gzopen(path.c_str(), "wb9");
  ASSERT_NE(file, nullptr);
  const std::string zeros(std::size_t{1} << 20U, '\0');
  for (int i = 0; i < 64; ++i) gzwrite(file, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(file);
  ASSERT_LT(std::filesystem::file_size(path), std::size_t{1} << 20U);
  try {
    read_text_file(path, std::size_t{4} << 20U);
    FAIL() << "64 MB were read where 4 MB are allowed";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    EXPECT_NE(std::string(error.what()).find("bomb.jsonl.gz: is longer than 4194304 bytes, the limit"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace touchstone
