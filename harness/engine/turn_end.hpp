#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/data/chat_template.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// Whether a token is what a control token's name becomes, and not a text that is spelt so.
bool is_control(const Tokenizer& tokenizer, std::int64_t id, std::string_view name);

/// The name of the control token with which a template ends an assistant's turn: the first that it writes behind an
/// answer. Empty where it writes none.
std::string turn_end(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace touchstone
