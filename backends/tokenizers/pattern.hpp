#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backends/tokenizers/regex.hpp"

namespace touchstone::tokenizers {

/// The value of "pattern" in tokenizer.json: {"String": ...} or {"Regex": ...}.
class Pattern {
 public:
  static Pattern literal(std::string text) { return Pattern(std::move(text), nullptr); }
  static Pattern regex(const std::string& text, const std::string& where) {
    return Pattern(text, std::make_unique<Regex>(text, where));
  }

  /// Calls found(Match) for each match from left to right.
  template <class Found>
  void each(std::string_view text, const Found& found) const {
    if (regex_ != nullptr) return regex_->each(text, found);
    if (text_.empty()) return;
    for (auto at = text.find(text_); at != std::string_view::npos; at = text.find(text_, at + text_.size())) {
      found(Match{at, at + text_.size()});
    }
  }

 private:
  Pattern(std::string text, std::unique_ptr<Regex> regex) : text_(std::move(text)), regex_(std::move(regex)) {}
  std::string text_;
  std::unique_ptr<Regex> regex_;
};

}  // namespace touchstone::tokenizers
