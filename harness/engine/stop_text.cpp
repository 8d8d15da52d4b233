#include "harness/engine/stop_text.hpp"

#include <algorithm>

namespace touchstone {

StopText::StopText(const Tokenizer& tokenizer, std::vector<std::string> until)
    : tokenizer_(&tokenizer), until_(std::move(until)) {
  std::erase_if(until_, [](const std::string& stop) { return stop.empty(); });
  for (const auto& stop : until_) longest_bytes_ = std::max(longest_bytes_, stop.size());
}

std::string StopText::decode(const TokenIds& tokens, std::size_t first) const {
  const std::vector<std::int64_t> ids(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end());
  return tokenizer_->decode(ids, /*skip_special_tokens=*/true);
}

bool StopText::reached(const TokenIds& tokens) const {
  if (until_.empty()) return false;
  // A token writes at least one byte, except special ones and pieces of a character; hence the few more.
  const auto window = longest_bytes_ + 8;
  const auto tail = decode(tokens, tokens.size() > window ? tokens.size() - window : 0);
  const auto found = [](const std::string& text) {
    return [&text](const std::string& stop) { return text.find(stop) != std::string::npos; };
  };
  if (std::none_of(until_.begin(), until_.end(), found(tail))) return false;
  // The beginning of a window can read differently from the same tokens within the text.
  const auto whole = decode(tokens, 0);
  return std::any_of(until_.begin(), until_.end(), found(whole));
}

std::string StopText::text(const TokenIds& tokens) const {
  auto text = decode(tokens, 0);
  for (const auto& stop : until_) text = text.substr(0, text.find(stop));
  return text;
}

}  // namespace touchstone
