// Pictures of every colour form against PIL's convert("RGB"), and what must be refused in one line.
#include "harness/pictures/picture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

using namespace std::string_literals;

const std::filesystem::path folder = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/golden/pictures";

std::string bytes_of(const std::string& name) { return read_file(folder / name); }

std::string hexadecimal(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const auto byte : bytes) {
    text += "0123456789abcdef"[byte / 16];
    text += "0123456789abcdef"[byte % 16];
  }
  return text;
}

TEST(Picture, EveryColourFormIsAsPilConvertsIt) {
  const auto expected = read_json(folder / "expected.json");
  EXPECT_GE(expected.size(), 19U);
  for (const auto& [name, picture] : expected.items()) {
    SCOPED_TRACE(name);
    const auto image = read_picture(folder / name);
    EXPECT_EQ(image.width_px, picture["width"].get<int>());
    EXPECT_EQ(image.height_px, picture["height"].get<int>());
    EXPECT_EQ(hexadecimal(image.rgb), picture["rgb"].get<std::string>());
  }
}

TEST(Picture, TheContentDecidesNotTheName) { EXPECT_EQ(decode_picture(bytes_of("rgb.jpg"), "wrong.png").width_px, 50); }

/// A PNG's bytes with four of them replaced by a big-endian number.
std::string with_number(std::string bytes, std::size_t at, std::uint32_t value) {
  std::string digits;
  for (int shift = 24; shift >= 0; shift -= 8) digits += static_cast<char>(value >> static_cast<unsigned>(shift));
  return bytes.replace(at, 4, digits);
}

/// Inserts a chunk after IHDR; its check sum does not matter to what is tested.
std::string with_chunk(std::string bytes, const std::string& kind, const std::string& data) {
  auto chunk = with_number("0000" + kind + data + "0000", 0, static_cast<std::uint32_t>(data.size()));
  return bytes.insert(33, chunk);
}

/// A JPEG's height and width lie five bytes into its frame header (FFC0 or FFC2).
std::string with_jpeg_size(std::string bytes, const std::string& marker, char high) {
  const auto at = bytes.find("\xff"s + marker);
  bytes[at + 5] = bytes[at + 7] = high;
  return bytes;
}

struct Bad {
  const char* name;
  std::function<std::string()> bytes;
  const char* message;
};

class BadPicture : public ::testing::TestWithParam<Bad> {};

TEST_P(BadPicture, IsRefusedInOneLine) {
  try {
    decode_picture(GetParam().bytes(), "data/p.png");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    const std::string message = error.what();
    EXPECT_THAT(message, ::testing::StartsWith("data/p.png: "));
    EXPECT_THAT(message, ::testing::HasSubstr(GetParam().message));
    EXPECT_THAT(message, ::testing::HasSubstr("expected"));
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

const Bad bad_pictures[] = {
    {"empty", [] { return ""s; }, "found nothing (0 bytes)"},
    {"two_bytes", [] { return "\x89P"s; }, "the first 2 bytes of a picture"},
    {"gif", [] { return "GIF89a"s + std::string(20, '\0'); }, "a GIF picture"},
    {"webp", [] { return "RIFF1234WEBPVP8 "s; }, "a WebP picture"},
    {"page", [] { return "<!DOCTYPE html>"s; }, "a web page"},
    {"pointer", [] { return "version https://git-lfs.github.com/spec/v1"s; }, "a Git LFS pointer"},
    {"bomb", [] { return with_number(with_number(bytes_of("rgb.png"), 16, 100000), 20, 100000); },
     "claims 100000 x 100000 pixels, expected at most 30000 on a side"},
    {"many_pixels", [] { return with_number(with_number(bytes_of("rgb.png"), 16, 29000), 20, 29000); },
     "claims 29000 x 29000 pixels, expected at most 50000000 in all"},
    {"no_width", [] { return with_number(bytes_of("rgb.png"), 16, 0); }, "claims 0 x 9 pixels"},
    {"header_only", [] { return bytes_of("rgb.png").substr(0, 20); }, "damaged PNG (no header)"},
    {"png_cut", [] { return bytes_of("rgb.png").substr(0, 120); }, "damaged PNG (the file ends too early)"},
    {"png_flipped",
     [] {
       auto bytes = bytes_of("rgb.png");
       bytes[60] = static_cast<char>(bytes[60] ^ 0x55);
       return bytes;
     },
     "damaged PNG"},
    {"animated", [] { return with_chunk(bytes_of("rgb.png"), "acTL", "\0\0\0\x07\0\0\0\0"s); },
     "animated PNG of 7 frames"},
    {"grey16",
     [] {
       auto bytes = bytes_of("rgb16.png");
       bytes[25] = 0;  // the colour type; IHDR's check sum follows
       return with_number(bytes, 29, 0x9c8125f5U);
     },
     "16-bit grey"},
    {"jpeg_bomb", [] { return with_jpeg_size(bytes_of("rgb.jpg"), "\xc0", '\xff'); }, "pixels, expected at most 30000"},
    {"jpeg_memory", [] { return with_jpeg_size(bytes_of("progressive.jpg"), "\xc2", '\x1b'); }, "takes 435"},
    {"jpeg_taller", [] { return with_jpeg_size(bytes_of("rgb.jpg"), "\xc0", '\x01'); }, "its data ends too early"},
    {"jpeg_cut", [] { return bytes_of("chroma.jpg").substr(0, 700); }, "damaged JPEG (its data ends too early)"},
    {"jpeg_start", [] { return bytes_of("chroma.jpg").substr(0, 30); }, "damaged"},
    {"jpeg_text", [] { return "\xff\xd8\xff not at all"s; }, "damaged or unknown JPEG"},
};

INSTANTIATE_TEST_SUITE_P(All, BadPicture, ::testing::ValuesIn(bad_pictures),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Picture, FilesAndHashes) {
  EXPECT_THROW(read_picture(folder / "absent.png"), Error);
  EXPECT_THROW(read_picture(folder / "rgb.png", {.file_bytes = 10}), Error);
  const Image flat{.width_px = 2, .height_px = 1, .rgb = {1, 2, 3, 4, 5, 6}};
  Image tall = flat;
  std::swap(tall.width_px, tall.height_px);
  EXPECT_NE(picture_hash(flat), picture_hash(tall));
}

}  // namespace
}  // namespace touchstone
