#include "backends/tokenizers/vocabulary.hpp"

#include <cstring>

#include "harness/base/error.hpp"

namespace touchstone::tokenizers {
namespace {

constexpr std::int64_t most_ids = std::int64_t{1} << 24;

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  // Eight bytes a step, mixed by multiplication (the finaliser is splitmix64's).
  std::uint64_t state = 0x9e3779b97f4a7c15ULL ^ bytes.size();
  const auto mix = [&](std::uint64_t word) {
    state = (state ^ word) * 0xbf58476d1ce4e5b9ULL;
    state ^= state >> 32;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    mix(word);
  }
  if (at < bytes.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, bytes.size() - at);
    mix(word);
  }
  state *= 0x94d049bb133111ebULL;
  return state ^ (state >> 31);
}

void TextIndex::build(const std::vector<std::string>& keys) {
  std::size_t slots = 16;
  while (slots < keys.size() * 2) slots *= 2;
  slots_.assign(slots, -1);
  mask_ = slots - 1;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].empty()) continue;
    std::size_t slot = hash_bytes(keys[i]) & mask_;
    while (slots_[slot] >= 0 && keys[static_cast<std::size_t>(slots_[slot])] != keys[i]) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<std::int32_t>(i);
  }
}

std::int32_t TextIndex::find(const std::vector<std::string>& keys, std::string_view text) const {
  if (slots_.empty()) return -1;
  std::size_t slot = hash_bytes(text) & mask_;
  while (slots_[slot] >= 0) {
    if (keys[static_cast<std::size_t>(slots_[slot])] == text) return slots_[slot];
    slot = (slot + 1) & mask_;
  }
  return -1;
}

void Vocabulary::add(const std::string& token, std::int64_t id, const std::string& where) {
  require(id >= 0 && id < most_ids, Fault::checkpoint, [&] {
    return where + ": token '" + token.substr(0, 80) + "' has id " + std::to_string(id) + ", expected 0 to " +
           std::to_string(most_ids - 1);
  });
  const auto at = static_cast<std::size_t>(id);
  if (at >= tokens_.size()) tokens_.resize(at + 1);
  require(tokens_[at].empty(), Fault::checkpoint, [&] {
    return where + ": tokens '" + tokens_[at].substr(0, 80) + "' and '" + token.substr(0, 80) + "' both have id " +
           std::to_string(id);
  });
  tokens_[at] = token;
  ++count_;
}

const std::string& Vocabulary::token(std::int64_t id) const {
  static const std::string none;
  return id >= 0 && id < size() ? tokens_[static_cast<std::size_t>(id)] : none;
}

}  // namespace touchstone::tokenizers
