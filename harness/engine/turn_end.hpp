#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/data/chat_template.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// A word that no template writes: rendered as an answer, it shows where answers go.
inline constexpr std::string_view answer_mark = "touchstone-answer-goes-here";

/// Whether a token is a control token, and not ordinary text with the same spelling.
bool is_control(const Tokenizer& tokenizer, std::int64_t id, std::string_view name);

/// The name of the control token that ends an assistant's turn in a template: the first that it writes behind an
/// answer. Empty where it writes none.
std::string turn_end(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace touchstone
