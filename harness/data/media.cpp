#include "harness/data/media.hpp"

#include <fmt/format.h>

#include <array>

#include "harness/audio/audio_file.hpp"
#include "harness/base/hash.hpp"
#include "harness/pictures/picture.hpp"

namespace touchstone {
namespace {

std::string hundredths(double value) { return fmt::format("{:.2f}", value); }

std::string frames_hash(const Frames& frames) {
  Sha256 digest;
  digest.add("frames\n");
  for (const auto& frame : frames) {
    digest.add(&frame.at_seconds, sizeof frame.at_seconds);
    digest.add(picture_hash(frame.image));
  }
  return digest.hex();
}

std::string size_words(const Image& image) {
  return std::to_string(image.width_px) + " x " + std::to_string(image.height_px) + " pixels";
}

/// One function a kind: a new kind without one does not compile.
struct Hashes {
  std::string operator()(const Image& image) const { return picture_hash(image); }
  std::string operator()(const Audio& audio) const { return audio_hash(audio); }
  std::string operator()(const Frames& frames) const { return frames_hash(frames); }
};

struct Descriptions {
  std::string operator()(const Image& image) const { return "a picture of " + size_words(image); }
  std::string operator()(const Audio& audio) const {
    return "audio of " + hundredths(seconds_of(audio)) + " s at " + std::to_string(audio.rate_hz) + " Hz";
  }
  std::string operator()(const Frames& frames) const {
    if (frames.empty()) return "no frames";
    return std::to_string(frames.size()) + " frames of " + size_words(frames.front().image) + " from " +
           hundredths(frames.front().at_seconds) + " to " + hundredths(frames.back().at_seconds) + " s";
  }
};

}  // namespace

const MediaWords& words_of(MediaKind kind) {
  static constexpr std::array<MediaWords, std::variant_size_v<Media>> words = {{
      {.name = "a picture",
       .plural = "pictures",
       .placeholder = picture_placeholder,
       .type = "image",
       .column = "images"},
      {.name = "audio", .plural = "audio", .placeholder = "<audio>", .type = "audio", .column = "audios"},
      {.name = "frames of a film", .plural = "films", .placeholder = "<video>", .type = "video", .column = "videos"},
  }};
  return words[static_cast<std::size_t>(kind)];
}

std::string media_hash(const Media& media) { return std::visit(Hashes{}, media); }

std::string media_text(const Media& media) { return std::visit(Descriptions{}, media); }

}  // namespace touchstone
