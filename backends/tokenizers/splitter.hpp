#pragma once
#include "backends/tokenizers/pre_tokenizers.hpp"

namespace touchstone::tokenizers {

/// Takes the matches and the ranges between them, in the order of the text, and passes on the words that a behaviour
/// makes of them.
class Splitter {
 public:
  Splitter(const Span& text, Behavior behavior, const Sink& word) : text_(text), behavior_(behavior), word_(word) {}

  void add(std::size_t first, std::size_t last, bool is_match) {
    switch (behavior_) {
      case Behavior::removed:
        if (!is_match) emit(first, last);
        return;
      case Behavior::isolated:
        return emit(first, last);
      case Behavior::contiguous:
        return join(first, last, is_match, is_match == was_match_);
      case Behavior::merged_with_previous:
        return join(first, last, is_match, is_match && !was_match_);
      case Behavior::merged_with_next:
        return join(first, last, is_match, !is_match && was_match_);
    }
  }
  /// After the last stretch.
  void finish() {
    if (pending_) emit(first_, last_);
    pending_ = false;
  }

 private:
  void join(std::size_t first, std::size_t last, bool is_match, bool grows) {
    was_match_ = is_match;
    if (pending_ && grows) {
      last_ = last;
      return;
    }
    finish();
    first_ = first;
    last_ = last;
    pending_ = true;
  }
  void emit(std::size_t first, std::size_t last) const {
    if (first < last) word_(text_.sub(first, last));
  }

  const Span& text_;
  Behavior behavior_;
  const Sink& word_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  bool pending_ = false;
  bool was_match_ = false;
};

}  // namespace touchstone::tokenizers
