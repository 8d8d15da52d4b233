#pragma once
#include <map>
#include <memory>
#include <string>

#include "harness/data/example.hpp"

namespace touchstone {

/// A Hugging Face chat template: the part of Jinja that real templates use (set, for with loop.*, if, filters, tests,
/// macros, namespace, raise_exception, strftime_now), interpreted over text, lists and dictionaries only. No attribute
/// of the host can be reached, and bounds end it: 10^6 operations, 1 MiB of output, depth 32.
class ChatTemplate {
 public:
  /// Throws Fault::checkpoint naming `where`, line and what is wrong.
  /// `other_tokens`: what else the template may name, "pad_token" -> "<pad>" (see Tokenizer::special_tokens).
  ChatTemplate(const std::string& source, const std::string& where, std::string bos_token, std::string eos_token,
               std::map<std::string, std::string> other_tokens = {});
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  /// The prompt's text. Throws Fault::checkpoint when the template raises (a role that it does not know, say).
  std::string render(const Dialog& dialog, bool add_generation_prompt) const;
  /// SHA-256 of the source; part of every result's key.
  const std::string& hash() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace touchstone
