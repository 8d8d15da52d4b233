#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace touchstone {

/// A call as it is written in a text: name(argument='value', ...).
struct ToolCall {
  std::string name;
  /// Strict: the text as written. Extended: a literal as Python's repr writes its value (see python_text), so that
  /// 'a', "a" and ("a") are equal; a value that is no literal (a name, a call) stays as written.
  std::map<std::string, std::string> arguments;
};

/// The end of the name that begins at `at`, or `at` when none does: letters (all bytes beyond ASCII included, as in
/// Python), digits, '_' and '.'.
std::size_t tool_name_end(const std::string& text, std::size_t at);

/// How calls are read from a text.
enum class CallForm : std::uint8_t {
  strict,   ///< the pattern name(...) up to the next parenthesis; only arguments in single quotes are read
  extended  ///< Python's: literals (see python_literal.hpp), words, nested brackets; anything else is no call
};

/// The first call in a text; none when there is none. In the strict form parentheses within values end the call, as in
/// the code that it follows ("TL-Training", arXiv 2412.15495, irm/dschat/rlhf/ppo_trainer.py).
std::optional<ToolCall> first_call(const std::string& text, CallForm form);

/// Tools listed in a text, as Python signatures ("def name(a, b: int = 3)") or as JSON ("name": "..."), with the names
/// of their arguments; in JSON the keys of the first "properties" after the name.
std::map<std::string, std::set<std::string>> listed_tools(const std::string& text);

}  // namespace touchstone
