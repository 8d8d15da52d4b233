#pragma once
// Pictures from outside: PNG and JPEG, decoded within bounds. Headers are read and checked before anything is
// allocated.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/pictures/image.hpp"

namespace touchstone {

/// The placeholder of a picture in the text of a prompt, one each, in order.
inline constexpr const char* picture_placeholder = "<image>";

/// The limits of a picture. A header that claims more is refused before its pixels are read.
struct PictureLimits {
  std::int64_t side_px = 30000;
  std::int64_t pixels = 50'000'000;
  std::int64_t file_bytes = std::int64_t{64} << 20;
  std::int64_t memory_bytes = std::int64_t{384} << 20;  ///< of the pixels and the decoder's own buffers
};

/// The format that a file's first bytes show.
enum class PictureKind : std::uint8_t { png, jpeg, other };

PictureKind picture_kind(std::string_view bytes);

/// Decodes PNG or JPEG by content, whatever the name says. Every colour form becomes RGB as PIL's convert("RGB") makes
/// it: palettes looked up, grey repeated, alpha dropped, the high byte of 16-bit colours, CMYK by its complement.
/// Orientation tags are not applied. `where` names the picture in messages. Throws Fault::data, one line saying what
/// was found and what was expected: another format, a size out of bounds, several frames, 16-bit grey (which programs
/// read in different ways), truncated or damaged data.
Image decode_picture(std::string_view bytes, const std::string& where, const PictureLimits& limits = {});

/// decode_picture on a file.
Image read_picture(const std::filesystem::path& path, const PictureLimits& limits = {});

/// SHA-256 over size and pixels. It stands for the picture in a result's key and in a stored sample.
std::string picture_hash(const Image& image);

}  // namespace touchstone
