#include "harness/pictures/picture.hpp"

#include <array>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/pictures/decoders.hpp"

namespace touchstone {
namespace {

using namespace std::string_view_literals;

constexpr auto png_signature = "\x89PNG\r\n\x1a\n"sv;
constexpr auto jpeg_signature = "\xff\xd8\xff"sv;

struct Signature {
  std::string_view bytes;
  const char* name;
};

/// Other content that files with a picture's name may have.
constexpr std::array others = {
    Signature{"GIF8"sv, "a GIF picture"},
    Signature{"BM"sv, "a BMP picture"},
    Signature{"II*\0"sv, "a TIFF picture"},
    Signature{"MM\0*"sv, "a TIFF picture"},
    Signature{"\0\0\1\0"sv, "an icon"},
    Signature{"\xff\x4f\xff\x51"sv, "a JPEG 2000 picture"},
    Signature{"\0\0\0\x0cjP  "sv, "a JPEG 2000 picture"},
    Signature{"%PDF"sv, "a PDF document"},
    Signature{"<svg"sv, "an SVG drawing"},
    Signature{"<?xml"sv, "an XML document"},
    Signature{"<!"sv, "a web page"},
    Signature{"<html"sv, "a web page"},
    Signature{"PK\x03\x04"sv, "a ZIP archive"},
    Signature{"\x1f\x8b"sv, "gzip data"},
    Signature{"version https://git-lfs"sv, "a Git LFS pointer, not the file itself"},
};

std::string describe(std::string_view bytes) {
  if (bytes.empty()) return "nothing (0 bytes)";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "a WebP picture";
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp") return "an AVIF, HEIC or video file";
  for (const auto& other : others) {
    if (bytes.starts_with(other.bytes)) return other.name;
  }
  if (png_signature.starts_with(bytes) || jpeg_signature.starts_with(bytes)) {
    return "the first " + std::to_string(bytes.size()) + " bytes of a picture";
  }
  return "no picture that is known here";
}

}  // namespace

PictureKind picture_kind(std::string_view bytes) {
  if (bytes.starts_with(png_signature)) return PictureKind::png;
  return bytes.starts_with(jpeg_signature) ? PictureKind::jpeg : PictureKind::other;
}

void refuse_picture(const std::string& where, const std::string& message) {
  throw Error(Fault::data, where + ": " + message);
}

void check_picture_size(std::int64_t width, std::int64_t height, std::int64_t bytes_a_pixel, const std::string& where,
                        const PictureLimits& limits) {
  const auto size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width < 1 || height < 1) refuse_picture(where, "the picture claims " + size + ", expected at least 1 x 1");
  if (width > limits.side_px || height > limits.side_px) {
    refuse_picture(
        where, "the picture claims " + size + ", expected at most " + std::to_string(limits.side_px) + " on a side");
  }
  if (width * height > limits.pixels) {
    refuse_picture(where,
                   "the picture claims " + size + ", expected at most " + std::to_string(limits.pixels) + " in all");
  }
  if (width * height * bytes_a_pixel > limits.memory_bytes) {
    refuse_picture(where, "decoding " + size + " takes " + std::to_string(width * height * bytes_a_pixel) +
                              " bytes, expected at most " + std::to_string(limits.memory_bytes));
  }
}

Image decode_picture(std::string_view bytes, const std::string& where, const PictureLimits& limits) {
  if (static_cast<std::int64_t>(bytes.size()) > limits.file_bytes) {
    refuse_picture(where, "has " + std::to_string(bytes.size()) + " bytes, expected a picture of at most " +
                              std::to_string(limits.file_bytes));
  }
  switch (picture_kind(bytes)) {
    case PictureKind::png:
      return decode_png(bytes, where, limits);
    case PictureKind::jpeg:
      return decode_jpeg(bytes, where, limits);
    case PictureKind::other:
      break;
  }
  refuse_picture(where, "found " + describe(bytes) + ", expected PNG or JPEG");
}

Image read_picture(const std::filesystem::path& path, const PictureLimits& limits) {
  return decode_picture(read_file(path, static_cast<std::uint64_t>(limits.file_bytes)), path.string(), limits);
}

std::string picture_hash(const Image& image) {
  Sha256 digest;
  digest.add(std::to_string(image.width_px) + "x" + std::to_string(image.height_px) + "\n");
  digest.add(image.rgb.data(), image.rgb.size());
  return digest.hex();
}

}  // namespace touchstone
