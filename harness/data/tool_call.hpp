#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace touchstone {

/// A call as a text writes it: name(argument='value', ...).
struct ToolCall {
  std::string name;
  /// Strict: as written. Extended: a literal as Python's repr writes its value (see python_text), so that 'a', "a" and
  /// ("a") are one; what is no literal, a name or a call, as written.
  std::map<std::string, std::string> arguments;
};

/// Where the name that begins at `at` ends, at `at` when none does: letters (all bytes beyond ASCII among them, as in
/// Python), digits, '_' and '.'.
std::size_t tool_name_end(const std::string& text, std::size_t at);

/// How calls are read out of a text.
enum class CallForm : std::uint8_t {
  strict,   ///< the pattern name(...) up to the next parenthesis, of whose arguments those with single quotes are seen
  extended  ///< Python's: literals (see python_literal.hpp), words, nested brackets; anything else is no call
};

/// The first call in a text; none when there is none. In the strict form parentheses within values end the call, as in
/// the code that it follows ("TL-Training", arXiv 2412.15495, irm/dschat/rlhf/ppo_trainer.py).
std::optional<ToolCall> first_call(const std::string& text, CallForm form);

/// Tools that a text lists, as Python signatures ("def name(a, b: int = 3)") or as JSON ("name": "..."), with the names
/// of their arguments; of JSON the keys of the first "properties" behind the name.
std::map<std::string, std::set<std::string>> listed_tools(const std::string& text);

}  // namespace touchstone
