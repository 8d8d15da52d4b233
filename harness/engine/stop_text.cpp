#include "harness/engine/stop_text.hpp"

#include <algorithm>

#include "harness/base/text.hpp"

namespace touchstone {

DecodeBehind::DecodeBehind(const Tokenizer& tokenizer)
    : tokenizer_(&tokenizer),
      letter_(tokenizer.encode("a", {.add_special_tokens = false, .parse_special_tokens = false})),
      letter_text_(tokenizer.decode(letter_, false)) {}

std::string DecodeBehind::operator()(std::span<const std::int64_t> ids, bool skip_special_tokens) const {
  const auto alone = tokenizer_->decode(ids, skip_special_tokens);
  // Only at the front, and only where decoding behind a letter brings the space back.
  auto behind = letter_;
  behind.insert(behind.end(), ids.begin(), ids.end());
  const auto whole = tokenizer_->decode(behind, skip_special_tokens);
  return whole == letter_text_ + " " + alone ? " " + alone : alone;
}

StopText::StopText(const Tokenizer& tokenizer, std::vector<std::string> until, bool keep_first_space)
    : tokenizer_(&tokenizer), until_(std::move(until)) {
  if (keep_first_space) behind_.emplace(tokenizer);
  std::erase_if(until_, [](const std::string& stop) { return stop.empty(); });
  for (const auto& stop : until_) longest_bytes_ = std::max(longest_bytes_, stop.size());
}

std::string StopText::decode(const TokenIds& tokens, std::size_t first, std::size_t last,
                             bool skip_special_tokens) const {
  const std::vector<std::int64_t> ids(tokens.begin() + static_cast<std::ptrdiff_t>(first),
                                      tokens.begin() + static_cast<std::ptrdiff_t>(last));
  if (behind_ && first == 0) return (*behind_)(ids, skip_special_tokens);
  return tokenizer_->decode(ids, skip_special_tokens);
}

bool StopText::reached(const TokenIds& tokens) const {
  if (until_.empty()) return false;
  // A token writes at least one byte, except pieces of a character and special tokens, which are left out; hence the
  // extra tokens.
  const auto window = longest_bytes_ + 8;
  const auto holds_stop = [&](std::size_t first, bool skip_special_tokens) {
    const auto text = decode(tokens, first, tokens.size(), skip_special_tokens);
    return std::any_of(until_.begin(), until_.end(),
                       [&](const std::string& stop) { return text.find(stop) != std::string::npos; });
  };
  const auto first = tokens.size() > window ? tokens.size() - window : 0;
  if (!holds_stop(first, true) && !holds_stop(first, false)) return false;
  // The start of a window can decode differently from the same tokens within the text.
  return holds_stop(0, true) || holds_stop(0, false);
}

StopText::Shown StopText::shown(const TokenIds& tokens) const {
  const auto count = tokens.size();
  Shown shown{.text = decode(tokens, 0, count, true), .tokens = static_cast<std::ptrdiff_t>(count)};
  // First in the raw text: a special token's name, or a text that continues behind one, also stops.
  auto written = decode(tokens, 0, count, false);
  if (written != shown.text) {
    const auto whole = written.size();
    for (const auto& stop : until_) written.resize(std::min(written.size(), written.find(stop)));
    if (written.size() < whole) {
      auto before = count;
      while (decode(tokens, 0, before, false).size() > written.size()) --before;
      const auto spelt = decode(tokens, 0, before, false);
      shown.text = decode(tokens, 0, before, true);
      shown.tokens = static_cast<std::ptrdiff_t>(before);
      if (spelt.size() < written.size()) {
        shown.text += written.substr(spelt.size());
        shown.tokens = -1;
      }
    }
  }
  const auto whole = shown.text.size();
  for (const auto& stop : until_) shown.text.resize(std::min(shown.text.size(), shown.text.find(stop)));
  if (shown.text.size() == whole) return shown;
  auto before = count;
  while (decode(tokens, 0, before, true).size() > shown.text.size()) --before;
  shown.tokens = decode(tokens, 0, before, true) == shown.text ? static_cast<std::ptrdiff_t>(before) : -1;
  return shown;
}

}  // namespace touchstone
