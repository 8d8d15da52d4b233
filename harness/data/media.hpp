#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "harness/audio/audio.hpp"
#include "harness/pictures/image.hpp"

namespace touchstone {

/// A picture of a film, and when it was taken.
struct Frame {
  Image image;
  double at_seconds = 0.0;
};

/// Pictures of one film, in the order of their times.
using Frames = std::vector<Frame>;

/// What a part of a dialog may be beside text. A kind is its type here, its name in MediaKind, and its row in the table
/// of media.cpp.
using Media = std::variant<Image, Audio, Frames>;

enum class MediaKind : std::uint8_t { picture, audio, frames };  ///< as Media lists them

/// All of them, in their order.
inline constexpr auto media_kinds = [] {
  std::array<MediaKind, std::variant_size_v<Media>> kinds{};
  for (std::size_t at = 0; at < kinds.size(); ++at) kinds[at] = static_cast<MediaKind>(at);
  return kinds;
}();

inline MediaKind kind_of(const Media& media) { return static_cast<MediaKind>(media.index()); }

/// The file that an entry of a row names. Throws Fault::data for what is no path of a file that may be read.
using MediaPath = std::function<std::filesystem::path(const nlohmann::ordered_json& entry)>;

/// What the program knows of one kind.
struct MediaFacts {
  MediaKind kind;
  const char* name;         ///< in messages: "a picture"
  const char* plural;       ///< "pictures"
  const char* placeholder;  ///< what stands for one in the text of a prompt, one each, in order: "<image>"
  const char* type;         ///< of a part of a message, as chat templates of transformers name it: "image"
  const char* column;       ///< of rows of training data: "images"
  const char* entries;      ///< what that column lists, as messages and help say it
  const char* record_key;   ///< of lines of made records
  const char* hashed_as;    ///< before its hash in that of a record, so that kinds cannot be taken for each other
  /// Lines of made records hold hash and description of one; false: its hash alone.
  bool described_in_records;
  /// A prompt's placeholders are counted when its media are put in their places; false: it must be found out whether a
  /// chat template writes one at all.
  bool counted_in_prompts;
  std::string (*hash)(const Media& media);
  std::string (*text)(const Media& media);
  /// One entry of the column; none: it is not what `entries` says. Throws what reading its files throws.
  std::optional<Media> (*read)(const nlohmann::ordered_json& entry, const MediaPath& path);
};
const MediaFacts& facts_of(MediaKind kind);

/// SHA-256 of what it holds: picture_hash, audio_hash, or over the times and hashes of frames.
std::string media_hash(const Media& media);

/// One line on what it is: "audio of 1.50 s at 16000 Hz", "a picture of 640 x 480 pixels", "8 frames of 64 x 64
/// pixels from 0.00 to 3.50 s".
std::string media_text(const Media& media);

}  // namespace touchstone
