#pragma once
#include <memory>
#include <string>

#include "harness/data/example.hpp"
#include "harness/data/special_tokens.hpp"

namespace touchstone {

/// A Hugging Face chat template (harness/jinja), over the turns of a dialog. Some templates take the content of a turn
/// as one text, some as a list of parts, some both: what this one takes is found out by rendering a word both ways.
class ChatTemplate {
 public:
  /// Throws Fault::checkpoint naming `where`, line and what is wrong.
  ChatTemplate(const std::string& source, const std::string& where, const SpecialTokens& tokens);
  /// With the two tokens that most templates name.
  ChatTemplate(const std::string& source, const std::string& where, const std::string& bos_token,
               const std::string& eos_token);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  /// The prompt's text. Throws Fault::checkpoint when the template raises (a role that it does not know, say), and for
  /// a turn with media when the template takes texts alone, or does not write audio or frames.
  /// `tools`: JSON list, "" for none.
  std::string render(const Dialog& dialog, bool add_generation_prompt, const std::string& tools = {}) const;
  /// SHA-256 of the source; part of every result's key.
  const std::string& hash() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace touchstone
