#include "harness/data/media.hpp"

#include <fmt/format.h>

#include <iterator>

#include "harness/audio/audio_file.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
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

std::string describe_frames(const Frames& frames) {
  if (frames.empty()) return "no frames";
  return std::to_string(frames.size()) + " frames of " + size_words(frames.front().image) + " from " +
         hundredths(frames.front().at_seconds) + " to " + hundredths(frames.back().at_seconds) + " s";
}

/// {"frames": [path, ...], "fps": number}: the pictures of a film, so many a second. Films themselves are not decoded.
std::optional<Media> read_frames(const Json& entry, const MediaPath& path) {
  constexpr double most_frames_a_second = 1000;
  const bool whole = entry.is_object() && entry.size() == 2 && entry.contains("frames") && entry.contains("fps") &&
                     entry["frames"].is_array() && !entry["frames"].empty() && entry["fps"].is_number();
  const auto rate = whole ? entry["fps"].get<double>() : 0.0;
  if (!(rate > 0 && rate <= most_frames_a_second)) return std::nullopt;
  Frames frames;
  for (const auto& picture : entry["frames"]) {
    if (!picture.is_string()) return std::nullopt;
    frames.push_back({.image = read_picture(path(picture)), .at_seconds = static_cast<double>(frames.size()) / rate});
  }
  return frames;
}

/// One row a kind, in the order of Media. Everything else loops over it.
constexpr MediaFacts all_facts[] = {
    {.kind = MediaKind::picture,
     .name = "a picture",
     .plural = "pictures",
     .placeholder = picture_placeholder,
     .type = "image",
     .column = "images",
     .entries = "paths of pictures (PNG, JPEG)",
     .record_key = "pictures",
     .hashed_as = "picture ",
     .described_in_records = false,
     .counted_in_prompts = true,
     .hash = [](const Media& media) { return picture_hash(std::get<Image>(media)); },
     .text = [](const Media& media) { return "a picture of " + size_words(std::get<Image>(media)); },
     .read = [](const Json& entry, const MediaPath& path) -> std::optional<Media> {
       if (!entry.is_string()) return std::nullopt;
       return read_picture(path(entry));
     }},
    {.kind = MediaKind::audio,
     .name = "audio",
     .plural = "audio",
     .placeholder = "<audio>",
     .type = "audio",
     .column = "audios",
     .entries = "paths of recordings (WAV, FLAC)",
     .record_key = "audios",
     .hashed_as = "audio ",
     .described_in_records = true,
     .counted_in_prompts = false,
     .hash = [](const Media& media) { return audio_hash(std::get<Audio>(media)); },
     .text =
         [](const Media& media) {
           const auto& audio = std::get<Audio>(media);
           return "audio of " + hundredths(seconds_of(audio)) + " s at " + std::to_string(audio.rate_hz) + " Hz";
         },
     .read = [](const Json& entry, const MediaPath& path) -> std::optional<Media> {
       if (!entry.is_string()) return std::nullopt;
       return read_audio(path(entry));
     }},
    {.kind = MediaKind::frames,
     .name = "frames of a film",
     .plural = "films",
     .placeholder = "<video>",
     .type = "video",
     .column = "videos",
     .entries = "{\"frames\": [paths of pictures], \"fps\": number}",
     .record_key = "videos",
     .hashed_as = "frames ",
     .described_in_records = true,
     .counted_in_prompts = false,
     .hash = [](const Media& media) { return frames_hash(std::get<Frames>(media)); },
     .text = [](const Media& media) { return describe_frames(std::get<Frames>(media)); },
     .read = read_frames},
};

/// Whether each kind has a row, at its place and complete.
constexpr bool is_complete() {
  if (std::size(all_facts) != media_kinds.size()) return false;
  for (std::size_t at = 0; at < media_kinds.size(); ++at) {
    const auto& facts = all_facts[at];
    for (const auto* word : {facts.name, facts.plural, facts.placeholder, facts.type, facts.column, facts.entries,
                             facts.record_key, facts.hashed_as}) {
      if (word == nullptr) return false;
    }
    if (facts.kind != media_kinds[at] || facts.hash == nullptr || facts.text == nullptr || facts.read == nullptr)
      return false;
  }
  return true;
}
static_assert(is_complete());

}  // namespace

const MediaFacts& facts_of(MediaKind kind) { return all_facts[static_cast<std::size_t>(kind)]; }

std::string media_hash(const Media& media) { return facts_of(kind_of(media)).hash(media); }

std::string media_text(const Media& media) { return facts_of(kind_of(media)).text(media); }

}  // namespace touchstone
