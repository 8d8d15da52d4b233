#include "harness/base/signatures.hpp"

#include <algorithm>
#include <array>

namespace touchstone {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  const char* name;
};

/// What people put under a picture's or a recording's name.
constexpr std::array signatures = {
    Signature{"\x89PNG\r\n\x1a\n"sv, "a PNG picture"},
    Signature{"\xff\xd8\xff"sv, "a JPEG picture"},
    Signature{"GIF8"sv, "a GIF picture"},
    Signature{"BM"sv, "a BMP picture"},
    Signature{"II*\0"sv, "a TIFF picture"},
    Signature{"MM\0*"sv, "a TIFF picture"},
    Signature{"\0\0\1\0"sv, "an icon"},
    Signature{"\xff\x4f\xff\x51"sv, "a JPEG 2000 picture"},
    Signature{"\0\0\0\x0cjP  "sv, "a JPEG 2000 picture"},
    Signature{"fLaC"sv, "a FLAC recording"},
    Signature{"OggS"sv, "an Ogg file"},
    Signature{"ID3"sv, "an MP3 recording"},
    Signature{"\xff\xfb"sv, "an MP3 recording"},
    Signature{"\xff\xf3"sv, "an MP3 recording"},
    Signature{"FORM"sv, "an AIFF recording"},
    Signature{".snd"sv, "an AU recording"},
    Signature{"RIFX"sv, "a WAV recording of big-endian numbers"},
    Signature{"RF64"sv, "a WAV recording of more than 4 GB (RF64)"},
    Signature{"\x1a\x45\xdf\xa3"sv, "a Matroska or WebM file"},
    Signature{"%PDF"sv, "a PDF document"},
    Signature{"<svg"sv, "an SVG drawing"},
    Signature{"<?xml"sv, "an XML document"},
    Signature{"<!"sv, "a web page"},
    Signature{"<html"sv, "a web page"},
    Signature{"PK\x03\x04"sv, "a ZIP archive"},
    Signature{"\x1f\x8b"sv, "gzip data"},
    Signature{"version https://git-lfs"sv, "a Git LFS pointer, not the file itself"},
};

}  // namespace

const char* format_of(std::string_view bytes) {
  if (bytes.starts_with("RIFF") && bytes.size() >= 12) {
    if (bytes.substr(8, 4) == "WEBP") return "a WebP picture";
    if (bytes.substr(8, 4) == "WAVE") return "a WAV recording";
    if (bytes.substr(8, 4) == "AVI ") return "an AVI video file";
  }
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp") return "an AVIF, HEIC, MP4 or video file";
  for (const auto& signature : signatures) {
    if (bytes.starts_with(signature.bytes)) return signature.name;
  }
  return nullptr;
}

std::string describe_bytes(std::string_view bytes, const std::string& kind,
                           std::initializer_list<std::string_view> wanted) {
  if (bytes.empty()) return "nothing (0 bytes)";
  if (const auto* known = format_of(bytes)) return known;
  if (std::any_of(wanted.begin(), wanted.end(), [&](std::string_view one) { return one.starts_with(bytes); })) {
    return "the first " + std::to_string(bytes.size()) + " bytes of " + kind;
  }
  return "no " + kind.substr(kind.find(' ') + 1) + " that is known here";
}

}  // namespace touchstone
