#pragma once
#include <array>
#include <cstdint>
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

/// What a part of a dialog may be beside text.
using Media = std::variant<Image, Audio, Frames>;

enum class MediaKind : std::uint8_t { picture, audio, frames };  ///< as Media lists them

inline constexpr std::array<MediaKind, std::variant_size_v<Media>> media_kinds = {MediaKind::picture, MediaKind::audio,
                                                                                  MediaKind::frames};

inline MediaKind kind_of(const Media& media) { return static_cast<MediaKind>(media.index()); }

/// How one kind is called.
struct MediaWords {
  const char* name;         ///< in messages: "a picture"
  const char* plural;       ///< "pictures"
  const char* placeholder;  ///< what stands for one in the text of a prompt, one each, in order: "<image>"
  const char* type;         ///< of a part of a message, as chat templates of transformers name it: "image"
  const char* column;       ///< of rows of training data and of made records: "images"
};
const MediaWords& words_of(MediaKind kind);

/// SHA-256 of what it holds: picture_hash, audio_hash, or over the times and hashes of frames.
std::string media_hash(const Media& media);

/// One line on what it is: "audio of 1.50 s at 16000 Hz", "a picture of 640 x 480 pixels", "8 frames of 64 x 64
/// pixels from 0.00 to 3.50 s".
std::string media_text(const Media& media);

}  // namespace touchstone
