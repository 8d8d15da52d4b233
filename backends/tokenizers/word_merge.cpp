#include "backends/tokenizers/word_merge.hpp"

#include <algorithm>
#include <queue>

namespace touchstone::tokenizers {
namespace {

constexpr std::size_t short_word = 48;  ///< tokens; for shorter words scanning all pairs is faster than a heap

Merged look_up(const MergeTable& merges, const Work& work, std::int32_t left, std::int32_t right) {
  const auto merged = merges.find(left, right);
  return merged.id >= 0 && work.avoided(merged.id) ? Merged{} : merged;
}

void merge_short(const MergeTable& merges, const Work& work, std::vector<Token>& tokens) {
  std::array<Merged, short_word> pairs;  // pairs[i]: what tokens i and i + 1 become
  std::size_t count = tokens.size();
  const auto look = [&](std::size_t i) { pairs[i] = look_up(merges, work, tokens[i].id, tokens[i + 1].id); };
  for (std::size_t i = 0; i + 1 < count; ++i) look(i);
  while (count > 1) {
    std::size_t best = count;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      if (pairs[i].id >= 0 && (best == count || pairs[i].rank < pairs[best].rank)) best = i;
    }
    if (best == count) break;
    tokens[best] = {pairs[best].id, tokens[best].bytes + tokens[best + 1].bytes};
    std::move(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              tokens.begin() + static_cast<std::ptrdiff_t>(count),
              tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    --count;
    for (std::size_t i = best + 1; i + 1 < count; ++i) pairs[i] = pairs[i + 1];
    if (best + 1 < count) look(best);
    if (best > 0) look(best - 1);
  }
  tokens.resize(count);
}

/// A possible merge; out of date when the tokens at `at` have changed since it was found.
struct Candidate {
  std::uint32_t rank = 0;
  std::uint32_t at = 0;
  std::int32_t id = -1;
  bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
};

void merge_long(const MergeTable& merges, const Work& work, std::vector<Token>& tokens) {
  const auto count = static_cast<std::uint32_t>(tokens.size());
  std::vector<std::uint32_t> next(count);
  std::vector<std::uint32_t> previous(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;  // of the first: a number that is never a place
  }
  std::vector<Candidate> first;
  for (std::uint32_t i = 0; i + 1 < count; ++i) {
    const auto merged = look_up(merges, work, tokens[i].id, tokens[i + 1].id);
    if (merged.id >= 0) first.push_back({merged.rank, i, merged.id});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap({}, std::move(first));
  const auto offer = [&](std::uint32_t left, std::uint32_t right) {
    const auto merged = look_up(merges, work, tokens[left].id, tokens[right].id);
    if (merged.id >= 0) heap.push({merged.rank, left, merged.id});
  };
  while (!heap.empty()) {
    const auto top = heap.top();
    heap.pop();
    const auto right = tokens[top.at].bytes == 0 ? count : next[top.at];
    if (right >= count) continue;
    if (look_up(merges, work, tokens[top.at].id, tokens[right].id).id != top.id) continue;
    tokens[top.at] = {top.id, tokens[top.at].bytes + tokens[right].bytes};
    tokens[right].bytes = 0;
    next[top.at] = next[right];
    if (next[right] < count) previous[next[right]] = top.at;
    if (previous[top.at] < count) offer(previous[top.at], top.at);
    if (next[top.at] < count) offer(top.at, next[top.at]);
  }
  tokens.erase(std::remove_if(tokens.begin(), tokens.end(), [](const Token& token) { return token.bytes == 0; }),
               tokens.end());
}

}  // namespace

MergeTable::MergeTable(std::size_t pairs) {
  std::size_t slots = 16;
  while (slots < pairs * 2) slots *= 2;
  slots_.resize(slots);
  mask_ = slots - 1;
}

void MergeTable::add(std::int32_t left, std::int32_t right, Merged merged) {
  const auto wanted = key(left, right);
  std::size_t slot = slot_of(wanted);
  while (slots_[slot].key != empty && slots_[slot].key != wanted) slot = (slot + 1) & mask_;
  slots_[slot] = {wanted, merged};
}

void merge_word(const MergeTable& merges, const Work& work, std::vector<Token>& tokens) {
  if (tokens.size() <= short_word) {
    merge_short(merges, work, tokens);
  } else {
    merge_long(merges, work, tokens);
  }
}

}  // namespace touchstone::tokenizers
