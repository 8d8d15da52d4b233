#pragma once
#include <memory>
#include <string>

#include "harness/data/example.hpp"
#include "harness/data/special_tokens.hpp"

namespace touchstone {

/// A Hugging Face chat template (harness/jinja), applied to the turns of a dialog. Templates take the content of a turn
/// as one text, as a list of parts, or as either. The constructor finds out which by rendering a probe word both ways.
class ChatTemplate {
 public:
  /// Throws Fault::checkpoint naming `where`, the line and the error.
  ChatTemplate(const std::string& source, const std::string& where, const SpecialTokens& tokens);
  /// With the two special tokens that most templates use.
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
