#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "harness/data/media.hpp"

namespace touchstone {

/// One piece of a turn's content.
using Part = std::variant<std::string, Media>;

enum class Role : std::uint8_t { system, user, assistant, tool };

/// "system", "user", "assistant", "tool", as chat templates name them.
const char* role_name(Role role);

struct Turn {
  Role role = Role::user;
  std::vector<Part> parts;
  /// What follows the turn when a prompt is written without a chat template: the delimiter of the few-shot format.
  std::string delimiter;
  /// JSON object: further members of the turn for a chat template ("tool_calls", "name"); empty: none. A turn
  /// without parts takes its content from here, or has none.
  std::string members{};
};

using Dialog = std::vector<Turn>;

/// The text parts of a turn, in order, joined with nothing between.
std::string text_of(const Turn& turn);

/// One item of a benchmark: the question and the right answers.
struct Example {
  std::string id;        ///< unique in its task, stable between runs: "gsm8k/test/17"
  std::string question;  ///< the question part of the prompt, as the task's format writes it ("Question: ...\nAnswer:")
  std::vector<Media> media;          ///< pictures, recordings and films that belong to the question
  std::vector<std::string> targets;  ///< answers in words; the first is what a shot shows and what is trained on
  std::vector<std::string> choices;  ///< empty unless the task is multiple choice
  std::vector<int> gold;             ///< indices of the right choices, 0-based; empty unless multiple choice
  std::map<std::string, std::string> facts;  ///< other fields of the data set: "subject", "test", "entry_point"
  Dialog history{};      ///< turns before the question, as plain text with all that marks them; may hold all of it
  std::string doc_hash;  ///< SHA-256 of the document as the reference hashes it (tasks/parts readers fill it in)
};

}  // namespace touchstone
