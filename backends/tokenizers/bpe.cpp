#include "backends/tokenizers/bpe.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unordered_set>

#include "backends/tokenizers/merge_table.hpp"
#include "backends/tokenizers/unicode.hpp"
#include "backends/tokenizers/word_merge.hpp"
#include "harness/base/error.hpp"

namespace touchstone::tokenizers {
namespace {

constexpr std::size_t cut_above_bytes = 64;  ///< longer words are searched for places where nothing can merge

std::string byte_token(unsigned char byte) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "<0x%02X>", byte);
  return text.data();
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
}

/// Collects the symbols that merging starts from. As in the reference, an unknown token is written when the next known
/// one comes. Without an unknown token, an unknown character is dropped and its neighbour takes over its bytes.
class SymbolList {
 public:
  SymbolList(std::vector<Token>& out, std::int32_t unknown, bool fuse) : out_(out), unknown_(unknown), fuse_(fuse) {}
  void known(std::int32_t id, std::uint32_t bytes) {
    finish();
    out_.push_back({id, bytes + vanished_});
    vanished_ = 0;
  }
  void unknown(std::uint32_t bytes) {
    if (unknown_ < 0) {
      (out_.empty() ? vanished_ : out_.back().bytes) += bytes;
      return;
    }
    if (!fuse_) finish();
    pending_ += bytes;
  }
  void finish() {
    if (pending_ > 0) out_.push_back({unknown_, pending_});
    pending_ = 0;
  }

 private:
  std::vector<Token>& out_;
  std::int32_t unknown_;
  bool fuse_;
  std::uint32_t pending_ = 0;   ///< bytes of the unknown token that is not written yet
  std::uint32_t vanished_ = 0;  ///< bytes in front of the first symbol
};

class Bpe : public Model {
 public:
  Bpe(Vocabulary vocabulary, const std::vector<Merge>& merges, BpeSettings settings, const std::string& where);
  void tokenize(const Span& word, Work& work) const override;

 private:
  void add_merges(const std::vector<Merge>& merges, const std::string& where);
  void read_bytes();
  void read_places_to_cut(const std::vector<Merge>& merges);
  std::int32_t word_id(std::string_view word) const;
  void symbols(std::string_view word, std::vector<Token>& out) const;
  bool has_all_bytes(std::string_view symbol) const;
  void byte_symbols(std::string_view word, std::vector<Token>& out) const;
  void tokenize_part(const Span& word, Work& work) const;
  std::size_t next_cut(std::string_view word, std::size_t from) const;

  BpeSettings settings_;
  MergeTable merges_;
  std::int32_t unknown_ = -1;
  std::array<std::int32_t, 256> byte_ids_{};  ///< of single bytes: byte-level letters, or <0xNN>; -1: none
  std::vector<std::string> raw_;              ///< byte-level: each token's bytes
  TextIndex raw_index_;
  /// Per id, whether merging its own text gives the token itself: 0 not known yet, 1 no, 2 yes.
  mutable std::vector<std::atomic<std::uint8_t>> whole_;
  bool cuts_ = false;
  std::unordered_set<std::uint64_t> joined_;  ///< code points that stand side by side inside some token
};

Bpe::Bpe(Vocabulary vocabulary, const std::vector<Merge>& merges, BpeSettings settings, const std::string& where)
    : Model(std::move(vocabulary)),
      settings_(std::move(settings)),
      merges_(merges.size()),
      whole_(static_cast<std::size_t>(this->vocabulary().size())) {
  if (!settings_.unknown.empty()) {
    unknown_ = this->vocabulary().find(settings_.unknown);
    require(unknown_ >= 0, Fault::checkpoint,
            [&] { return where + ": unk_token '" + settings_.unknown + "' is not in the vocabulary"; });
  }
  add_merges(merges, where);
  read_bytes();
  read_places_to_cut(merges);
}

void Bpe::add_merges(const std::vector<Merge>& merges, const std::string& where) {
  const auto& known = vocabulary();
  const auto id = [&](const std::string& token, std::size_t at) {
    const auto found = known.find(token);
    require(found >= 0, Fault::checkpoint, [&] {
      return where + ": merges[" + std::to_string(at) + "]: '" + token.substr(0, 80) + "' is not in the vocabulary";
    });
    return found;
  };
  for (std::size_t at = 0; at < merges.size(); ++at) {
    const auto& merge = merges[at];
    const auto left = id(merge.left, at);
    const auto right = id(merge.right, at);
    require(merge.right.size() >= settings_.continuing_prefix.size(), Fault::checkpoint, [&] {
      return where + ": merges[" + std::to_string(at) + "]: '" + merge.right +
             "' is shorter than continuing_subword_prefix";
    });
    const auto whole = id(merge.left + merge.right.substr(settings_.continuing_prefix.size()), at);
    merges_.add(left, right, {merge.rank, whole});
  }
}

void Bpe::read_bytes() {
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<unsigned char>(byte);
    byte_ids_[byte] = vocabulary().find(settings_.bytes ? byte_alphabet().letter(value) : byte_token(value));
  }
  if (!settings_.bytes) return;
  raw_.resize(static_cast<std::size_t>(vocabulary().size()));
  for (std::size_t id = 0; id < raw_.size(); ++id) {
    if (!byte_alphabet().to_bytes(vocabulary().tokens()[id], raw_[id])) raw_[id].clear();
  }
  raw_index_.build(raw_);
}

/// Merging never joins two neighbouring code points unless some merged token holds them side by side. Elsewhere a word
/// can be cut without changing a token, so that a text without spaces need not be handled as one long word.
void Bpe::read_places_to_cut(const std::vector<Merge>& merges) {
  if (settings_.bytes || !settings_.continuing_prefix.empty() || !settings_.word_suffix.empty()) return;
  for (const auto& merge : merges) {
    // Byte tokens are not text by themselves: where they merge, code points cannot decide.
    if (merge.left.starts_with("<0x") || merge.right.starts_with("<0x")) return;
    const auto left = known_code_point_at(merge.left, previous_start(merge.left, merge.left.size()));
    joined_.insert(pair_key(left.value, known_code_point_at(merge.right, 0).value));
  }
  const auto bytes = std::count_if(byte_ids_.begin(), byte_ids_.end(), [](std::int32_t id) { return id >= 0; });
  // When some byte tokens are missing, the place of an unknown character's token depends on its neighbours.
  cuts_ = settings_.byte_fallback && bytes == 256;
  cuts_ = cuts_ || (unknown_ >= 0 && (!settings_.byte_fallback || bytes == 0));
}

std::size_t Bpe::next_cut(std::string_view word, std::size_t from) const {
  auto left = known_code_point_at(word, from);
  std::size_t at = from + left.bytes;
  while (at < word.size()) {
    const auto right = known_code_point_at(word, at);
    if (joined_.count(pair_key(left.value, right.value)) == 0) {
      const bool fused = settings_.fuse_unknown && vocabulary().find(word.substr(at - left.bytes, left.bytes)) < 0 &&
                         vocabulary().find(word.substr(at, right.bytes)) < 0;
      if (!fused) return at;
    }
    left = right;
    at += right.bytes;
  }
  return at;
}

std::int32_t Bpe::word_id(std::string_view word) const {
  return settings_.bytes ? raw_index_.find(raw_, word) : vocabulary().find(word);
}

void Bpe::byte_symbols(std::string_view word, std::vector<Token>& out) const {
  SymbolList symbols(out, unknown_, settings_.fuse_unknown);
  for (const char byte : word) {
    const auto id = byte_ids_[static_cast<unsigned char>(byte)];
    id >= 0 ? symbols.known(id, 1) : symbols.unknown(1);
  }
  symbols.finish();
}

void Bpe::symbols(std::string_view word, std::vector<Token>& out) const {
  if (settings_.bytes) return byte_symbols(word, out);
  SymbolList list(out, unknown_, settings_.fuse_unknown);
  std::string buffer;
  for (std::size_t at = 0; at < word.size();) {
    const auto bytes = known_code_point_at(word, at).bytes;
    auto symbol = word.substr(at, bytes);
    const bool last = at + bytes == word.size();
    if ((at > 0 && !settings_.continuing_prefix.empty()) || (last && !settings_.word_suffix.empty())) {
      buffer = (at > 0 ? settings_.continuing_prefix : "") + std::string(symbol) + (last ? settings_.word_suffix : "");
      symbol = buffer;
    }
    at += bytes;
    const auto id = vocabulary().find(symbol);
    if (id >= 0) {
      list.known(id, static_cast<std::uint32_t>(bytes));
    } else if (settings_.byte_fallback && has_all_bytes(symbol)) {
      for (const char byte : symbol) out.push_back({byte_ids_[static_cast<unsigned char>(byte)], 1});
    } else {
      list.unknown(static_cast<std::uint32_t>(bytes));
    }
  }
  list.finish();
}

bool Bpe::has_all_bytes(std::string_view symbol) const {
  return std::all_of(symbol.begin(), symbol.end(),
                     [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)] >= 0; });
}

void Bpe::tokenize(const Span& word, Work& work) const {
  if (settings_.ignore_merges) {
    const auto id = word_id(word.text);
    if (id >= 0 && !work.avoided(id)) return work.put(id, word, 0, word.text.size());
  }
  if (!cuts_ || word.text.size() <= cut_above_bytes) return tokenize_part(word, work);
  for (std::size_t at = 0; at < word.text.size();) {
    const auto cut = next_cut(word.text, at);
    tokenize_part(word.sub(at, cut), work);
    at = cut;
  }
}

void Bpe::tokenize_part(const Span& word, Work& work) const {
  const auto id = settings_.word_suffix.empty() ? word_id(word.text) : -1;
  auto* whole = id < 0 ? nullptr : &whole_[static_cast<std::size_t>(id)];
  if (whole != nullptr && whole->load(std::memory_order_relaxed) == 2 && !work.avoided(id)) {
    return work.put(id, word, 0, word.text.size());
  }
  if (const auto known = work.cache.find(word.text); known.first != nullptr) {
    return work.put_all(word, known.first, known.second);
  }
  work.tokens.clear();
  symbols(word.text, work.tokens);
  merge_word(merges_, work, work.tokens);
  if (whole != nullptr) {
    const bool alone = work.tokens.size() == 1 && work.tokens[0].id == id;
    whole->store(alone ? 2 : 1, std::memory_order_relaxed);
  }
  work.put_all(word, work.tokens.data(), work.tokens.size());
  work.cache.add(word.text, work.tokens.data(), work.tokens.size());
}

}  // namespace

std::unique_ptr<Model> make_bpe(Vocabulary vocabulary, const std::vector<Merge>& merges, BpeSettings settings,
                                const std::string& where) {
  return std::make_unique<Bpe>(std::move(vocabulary), merges, std::move(settings), where);
}

}  // namespace touchstone::tokenizers
