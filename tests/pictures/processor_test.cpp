// Resizing and tiles against digests of what PIL and transformers' picture processors make (make_picture_tiles.py).
#include "harness/pictures/processor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

/// The formula of make_picture_tiles.py.
Image picture(int width, int height) {
  Image image{.width_px = width, .height_px = height, .rgb = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.rgb.push_back(static_cast<std::uint8_t>((x * x * 3 + y * 5 + x * y * (c + 1) + c * 80) % 256));
      }
    }
  }
  return image;
}

template <class Value>
std::string digest(const std::vector<Value>& values) {
  return sha256({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)});
}

/// A folder with one settings file.
class Folder {
 public:
  explicit Folder(const std::string& text, const char* name = "preprocessor_config.json")
      : path_(fs::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::create_directories(path_);
    std::ofstream(path_ / name) << text;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Json golden() { return read_json(fs::path(TOUCHSTONE_SOURCE_DIR) / "tests/golden/picture_tiles.json"); }

TEST(PictureProcessor, ResizesToTheLastBitAsPil) {
  const auto cases = golden()["resized"];
  ASSERT_EQ(cases.size(), 66U);
  for (const auto& one : cases) {
    const auto resized =
        resize_picture(picture(one["from"][0].get<int>(), one["from"][1].get<int>()), one["to"][0].get<int>(),
                       one["to"][1].get<int>(), static_cast<Resample>(one["filter"].get<int>()));
    EXPECT_EQ(digest(resized.rgb), one["sha256"].get<std::string>()) << one.dump();
  }
}

TEST(PictureProcessor, TilesEqualTransformers) {
  const auto cases = golden()["tiles"];
  ASSERT_EQ(cases.size(), 74U);
  for (const auto& one : cases) {
    const Folder folder(one["config"].dump());
    const auto tiles = process_picture(picture(one["size"][0].get<int>(), one["size"][1].get<int>()),
                                       read_picture_rules(folder.path()));
    EXPECT_EQ(tiles.rows, one["rows"].get<int>()) << one.dump();
    EXPECT_EQ(tiles.columns, one["columns"].get<int>()) << one.dump();
    EXPECT_EQ(tiles.count, one["shape"][0].get<int>()) << one.dump();
    EXPECT_EQ(tiles.side_px, one["shape"][3].get<int>()) << one.dump();
    EXPECT_EQ(digest(tiles.values), one["sha256"].get<std::string>()) << one.dump();
  }
}

TEST(PictureProcessor, ReadsTheNewFileToo) {
  const Folder folder(R"({"image_processor": {"max_image_size": {"longest_edge": 48}}, "image_seq_len": 9})",
                      "processor_config.json");
  EXPECT_EQ(read_picture_rules(folder.path()).tile_px, 48);
}

struct Bad {
  const char* name;
  const char* text;
  const char* message;
};

class BadPictureRules : public ::testing::TestWithParam<Bad> {};

TEST_P(BadPictureRules, AreRefusedInOneLine) {
  const Folder folder(GetParam().text);
  try {
    read_picture_rules(folder.path());
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::checkpoint);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("preprocessor_config.json"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr(GetParam().message));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

const Bad bad_rules[] = {
    {"list", "[]", "found [], expected an object"},
    {"kind", R"({"image_processor_type": "CLIPImageProcessor"})", "\"CLIPImageProcessor\", expected Idefics3"},
    {"tile", R"({"max_image_size": {"longest_edge": 100000}})",
     "max_image_size: key 'longest_edge': found 100000, expected a whole number in [1, 4096]"},
    {"no_tile", R"({"max_image_size": 12})", "key 'max_image_size': found 12, expected an object"},
    {"zero", R"({"size": {"longest_edge": 0}})", "size: key 'longest_edge': found 0"},
    {"size", R"({"size": {"shortest_edge": 8}})", "expected an object with longest_edge, or height and width"},
    {"filter", R"({"resample": 9})", "key 'resample': found 9, expected a whole number in [0, 5]"},
    {"std", R"({"image_std": [1, 0, 1]})", "key 'image_std': found [1,0,1]"},
    {"flag", R"({"do_resize": "yes"})", "key 'do_resize': found \"yes\", expected true or false"},
};

INSTANTIATE_TEST_SUITE_P(All, BadPictureRules, ::testing::ValuesIn(bad_rules),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace touchstone
