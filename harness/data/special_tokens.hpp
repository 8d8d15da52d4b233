#pragma once
#include <map>
#include <string>
#include <vector>

namespace touchstone {

/// The tokens that a tokenizer's configuration names; a chat template may print them.
struct SpecialTokens {
  std::map<std::string, std::string> named;  ///< "bos_token" -> "<s>"
  std::vector<std::string> additional;       ///< of additional_special_tokens, in their order
};

}  // namespace touchstone
