#include "harness/data/tool_call.hpp"

#include <cctype>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/data/python_literal.hpp"

namespace touchstone {
namespace {

bool is_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '.' || byte >= 0x80;
}

std::size_t skip_space(const std::string& text, std::size_t at) {
  while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  return at;
}

/// The places {first, end} of all names directly followed by an opening parenthesis.
struct Place {
  std::size_t first = 0;
  std::size_t end = 0;
};
std::vector<Place> call_places(const std::string& text) {
  std::vector<Place> places;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = tool_name_end(text, at);
    if (end > at && end < text.size() && text[end] == '(') places.push_back({at, end});
    at = end + 1;
  }
  return places;
}

/// The arguments name='value' in the text between parentheses.
std::map<std::string, std::string> quoted_arguments(const std::string& inner) {
  std::map<std::string, std::string> arguments;
  for (std::size_t at = 0; at < inner.size();) {
    const auto end = tool_name_end(inner, at);
    if (end == at || inner.compare(end, 2, "='") != 0) {
      at = std::max(end, at + 1);
      continue;
    }
    const auto close = inner.find('\'', end + 2);
    if (close == std::string::npos) break;
    arguments.emplace(inner.substr(at, end - at), inner.substr(end + 1, close - end));
    at = close + 1;
  }
  return arguments;
}

/// The end of the quoted text that opens at `at`, past its closing quote; npos: it has none.
std::size_t quote_end(const std::string& text, std::size_t at) {
  for (auto next = at + 1; next < text.size(); ++next) {
    if (text[next] == '\\') {
      ++next;
    } else if (text[next] == text[at]) {
      return next + 1;
    }
  }
  return std::string::npos;
}

/// The end of the value that begins at `at`: before a comma or the bracket that closes its surroundings; npos: none.
std::size_t value_end(const std::string& text, std::size_t at) {
  std::string open;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\'' || c == '"') {
      at = quote_end(text, at);
      if (at == std::string::npos) return at;
      continue;
    }
    if (open.empty() && (c == ',' || c == ')')) return at;
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) return std::string::npos;
      open.pop_back();
    }
    ++at;
  }
  return std::string::npos;
}

struct Argument {
  std::string text;
  std::size_t end = 0;  ///< at the comma or parenthesis after it
};

/// The literal that begins at `at`, if there is one and an argument may end where it does.
std::optional<Argument> literal_argument(const std::string& text, std::size_t at) {
  try {
    const auto value = read_python_argument(text, at);
    const auto end = skip_space(text, at);
    if (end >= text.size() || (text[end] != ',' && text[end] != ')')) return std::nullopt;
    return Argument{python_text(value), end};
  } catch (const Error&) {
    return std::nullopt;  // no literal: a name, a call, or no valid Python
  }
}

std::optional<Argument> argument(const std::string& text, std::size_t at) {
  if (auto found = literal_argument(text, at)) return found;
  const auto end = value_end(text, at);
  if (end == std::string::npos || end == at) return std::nullopt;
  return Argument{std::string(rstrip(std::string_view(text).substr(at, end - at))), end};
}

/// The arguments after the opening parenthesis; none when they are not written as in Python.
std::optional<std::map<std::string, std::string>> python_arguments(const std::string& text, std::size_t at) {
  std::map<std::string, std::string> arguments;
  at = skip_space(text, at);
  if (at < text.size() && text[at] == ')') return arguments;
  while (at < text.size()) {
    const auto end = tool_name_end(text, at);
    const auto equal = skip_space(text, end);
    if (end == at || equal >= text.size() || text[equal] != '=') return std::nullopt;
    auto value = argument(text, skip_space(text, equal + 1));
    if (!value || !arguments.emplace(text.substr(at, end - at), std::move(value->text)).second) return std::nullopt;
    if (text[value->end] == ')') return arguments;
    at = skip_space(text, value->end + 1);
    if (at < text.size() && text[at] == ')') return arguments;  // after a trailing comma
  }
  return std::nullopt;
}

/// The names of the parameters after "def name(", without types and defaults.
std::set<std::string> parameters(const std::string& text, std::size_t at) {
  std::set<std::string> names;
  while (at < text.size() && text[at] != ')') {
    at = skip_space(text, at);
    const auto end = tool_name_end(text, at);
    if (end > at) names.insert(text.substr(at, end - at));
    const auto last = value_end(text, end);
    if (last == std::string::npos || text[last] == ')') break;
    at = last + 1;
  }
  return names;
}

/// The keys of the JSON object that begins at `at`, without those of inner objects.
std::set<std::string> keys_at(const std::string& text, std::size_t at) {
  std::set<std::string> keys;
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      const auto end = quote_end(text, at);
      if (end == std::string::npos) break;
      const auto behind = skip_space(text, end);
      if (depth == 1 && behind < text.size() && text[behind] == ':') keys.insert(text.substr(at + 1, end - at - 2));
      at = end;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth <= 0) break;
    ++at;
  }
  return keys;
}

/// All places in the text directly after `mark`.
std::vector<std::size_t> behind(const std::string& text, const std::string& mark) {
  std::vector<std::size_t> places;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    places.push_back(at + mark.size());
  }
  return places;
}

}  // namespace

std::size_t tool_name_end(const std::string& text, std::size_t at) {
  while (at < text.size() && is_name(text[at])) ++at;
  return at;
}

std::optional<ToolCall> first_call(const std::string& text, CallForm form) {
  for (const auto& [first, end] : call_places(text)) {
    ToolCall call;
    call.name = text.substr(first, end - first);
    if (form == CallForm::extended) {
      auto arguments = python_arguments(text, end + 1);
      if (!arguments) return std::nullopt;
      call.arguments = std::move(*arguments);
      return call;
    }
    const auto close = text.find_first_of(")\n", end + 1);
    if (close == std::string::npos || text[close] == '\n') continue;
    call.arguments = quoted_arguments(text.substr(end + 1, close - end - 1));
    return call;
  }
  return std::nullopt;
}

std::map<std::string, std::set<std::string>> listed_tools(const std::string& text) {
  std::map<std::string, std::set<std::string>> tools;
  for (const auto at : behind(text, "def ")) {
    const auto end = tool_name_end(text, at);
    if (end > at && end < text.size() && text[end] == '(') {
      tools.emplace(text.substr(at, end - at), parameters(text, end + 1));
    }
  }
  for (const std::string mark : {"\"name\": \"", "\"name\":\""}) {
    const auto places = behind(text, mark);
    for (std::size_t number = 0; number < places.size(); ++number) {
      const auto at = places[number];
      const auto end = tool_name_end(text, at);
      if (end == at || end >= text.size() || text[end] != '"') continue;
      const auto next = number + 1 < places.size() ? places[number + 1] : text.size();
      const auto properties = text.find("\"properties\"", end);
      const auto open = properties < next ? text.find('{', properties) : std::string::npos;
      tools.emplace(text.substr(at, end - at), open < next ? keys_at(text, open) : std::set<std::string>());
    }
  }
  return tools;
}

}  // namespace touchstone
