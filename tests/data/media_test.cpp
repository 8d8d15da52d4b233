// What parts of a dialog other than text are called, how they are told apart, and how they stand in prompts.
#include "harness/data/media.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "harness/base/error.hpp"
#include "harness/data/chat_template.hpp"
#include "harness/data/prompt.hpp"

namespace touchstone {
namespace {

const Image image{.width_px = 2, .height_px = 1, .rgb = {1, 2, 3, 4, 5, 6}};
const Audio audio{.rate_hz = 8000, .samples = {0.5F, -0.5F, 0.25F, 0}};
const Frames frames = {{.image = image, .at_seconds = 0}, {.image = image, .at_seconds = 0.5}};

// By Python's hashlib: "2x1\n" and the bytes; "audio 8000 Hz\n" and the samples; "frames\n", then time and picture's
// hash of each, numbers as little-endian float32 and float64.
TEST(Media, HashesAreOfWhatIsShownAndHeard) {
  EXPECT_EQ(media_hash(image), "7819e9ad0fc64529a16d644e6593057123d1e3f2e3ffc355886c6a75719cca5a");
  EXPECT_EQ(media_hash(audio), "931d714abc5a1def030e402acfb42afd85c0a38b6f8d16728841d5fc280ca771");
  EXPECT_EQ(media_hash(frames), "7aa05944e0d4f5983eee189b9a9e4f7d7ee55a9ec5b15d859978a9981544627e");
}

TEST(Media, AreDescribedInOneLine) {
  EXPECT_EQ(media_text(image), "a picture of 2 x 1 pixels");
  EXPECT_EQ(media_text(Audio{.rate_hz = 16000, .samples = std::vector<float>(24000)}), "audio of 1.50 s at 16000 Hz");
  EXPECT_EQ(media_text(frames), "2 frames of 2 x 1 pixels from 0.00 to 0.50 s");
}

// What tells kinds apart in prompts, templates, rows, records and hashes.
TEST(Media, KindsHaveWordsOfTheirOwn) {
  for (const auto word : {&MediaFacts::name, &MediaFacts::placeholder, &MediaFacts::type, &MediaFacts::column,
                          &MediaFacts::record_key, &MediaFacts::hashed_as}) {
    std::set<std::string> different;
    for (const auto kind : media_kinds) different.insert(facts_of(kind).*word);
    EXPECT_EQ(different.size(), media_kinds.size());
  }
}

Dialog asked(std::vector<Part> parts) { return {{.role = Role::user, .parts = std::move(parts), .delimiter = "\n"}}; }

TEST(Media, StandInPlainText) {
  EXPECT_EQ(plain_text(asked({image, "a", audio, frames, "b"})), "<image>a<audio><video>b\n");
}

const char* all_kinds =
    "{% for m in messages %}{% for p in m['content'] %}{% if p['type'] == 'text' %}{{ p['text'] }}"
    "{% else %}<|{{ p['type'] }}|>{% endif %}{% endfor %}{% endfor %}";

TEST(Media, ChatTemplatesAreGivenTheirTypes) {
  const ChatTemplate chat(all_kinds, "here", "", "");
  EXPECT_EQ(chat.render(asked({image, "a", audio, frames}), false), "<|image|>a<|audio|><|video|>");
}

std::string refusal(const char* source, const Dialog& dialog) {
  try {
    return ChatTemplate(source, "here", "", "").render(dialog, false);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::checkpoint);
    return error.what();
  }
}

// A template that knows texts and pictures alone would write a prompt about nothing.
TEST(Media, WhatATemplatePassesOverIsRefusedByName) {
  const char* pictures =
      "{% for m in messages %}{% for p in m['content'] %}{% if p['type'] == 'text' %}{{ p['text'] }}"
      "{% elif p['type'] == 'image' %}<image>{% endif %}{% endfor %}{% endfor %}";
  EXPECT_EQ(refusal(pictures, asked({image, "a"})), "<image>a");
  EXPECT_EQ(refusal(pictures, asked({"a", audio})), "here: a turn holds audio, which the chat template does not write");
  EXPECT_EQ(refusal(pictures, asked({audio})), "here: a turn holds audio, which the chat template does not write");
  EXPECT_EQ(refusal(pictures, asked({image, frames})),
            "here: a turn holds frames of a film, which the chat template does not write");
  const char* texts = "{% for m in messages %}{{ m['content'] + '' }}{% endfor %}";
  EXPECT_EQ(refusal(texts, asked({"a", audio})),
            "here: a turn of the user holds audio, but the chat template takes text only");
}

}  // namespace
}  // namespace touchstone
