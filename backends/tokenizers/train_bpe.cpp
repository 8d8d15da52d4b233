#include <algorithm>
#include <map>
#include <unordered_map>

#include "backends/tokenizers/tokenizers.hpp"
#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/regex.hpp"

namespace touchstone {
namespace {

/// A distinct word of the text, as the ids it has been merged to so far.
struct Word {
  std::vector<std::int32_t> ids;
  std::int64_t count = 0;
};

using Pair = std::pair<std::int32_t, std::int32_t>;

/// The pieces across whose borders nothing is merged: matches of the pattern, and the text between them.
void count_words(const std::string& text, const Regex& pattern, std::map<std::string, std::int64_t>& counts) {
  std::size_t done = 0;
  for (const auto& match : pattern.find_all(text)) {
    if (match.first > done) ++counts[text.substr(done, match.first - done)];
    if (match.last > match.first) ++counts[text.substr(match.first, match.last - match.first)];
    done = match.last;
  }
  if (done < text.size()) ++counts[text.substr(done)];
}

class Learner {
 public:
  Learner(std::span<const std::string> documents, const BpeSettings& settings) {
    const Regex pattern(settings.pattern);
    std::map<std::string, std::int64_t> counts;
    for (const auto& document : documents) count_words(document, pattern, counts);
    for (const auto& [text, count] : counts) {
      Word word;
      word.count = count;
      for (const char c : text) word.ids.push_back(first_byte + static_cast<unsigned char>(c));
      words_.push_back(std::move(word));
    }
    tokens_.push_back(settings.end_of_text);
    for (int byte = 0; byte < 256; ++byte)
      tokens_.push_back(tokenizers::byte_alphabet().letter(static_cast<unsigned char>(byte)));
  }

  /// False when no pair is left.
  bool merge_one() {
    std::map<Pair, std::int64_t> counts;
    for (const auto& word : words_) {
      for (std::size_t at = 0; at + 1 < word.ids.size(); ++at) counts[{word.ids[at], word.ids[at + 1]}] += word.count;
    }
    const auto best = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == counts.end()) return false;
    const auto pair = best->first;
    const auto merged = static_cast<std::int32_t>(tokens_.size());
    merges_.push_back(pair);
    tokens_.push_back(token(pair.first) + token(pair.second));
    for (auto& word : words_) replace(word.ids, pair, merged);
    return true;
  }

  const std::string& token(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<Pair>& merges() const { return merges_; }

 private:
  static void replace(std::vector<std::int32_t>& ids, const Pair& pair, std::int32_t merged) {
    std::size_t kept = 0;
    for (std::size_t at = 0; at < ids.size(); ++at) {
      const bool here = at + 1 < ids.size() && ids[at] == pair.first && ids[at + 1] == pair.second;
      ids[kept++] = here ? merged : ids[at];
      if (here) ++at;
    }
    ids.resize(kept);
  }

  static constexpr std::int32_t first_byte = 1;
  std::vector<Word> words_;
  std::vector<std::string> tokens_;
  std::vector<Pair> merges_;
};

Json byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
}

}  // namespace

std::string train_bpe(std::span<const std::string> documents, const BpeSettings& settings) {
  require(settings.vocabulary >= 257, Fault::config, [&] {
    return "vocabulary: found " + std::to_string(settings.vocabulary) +
           ", expected 257 or more: an end of text and the 256 bytes";
  });
  Learner learner(documents, settings);
  while (static_cast<std::int64_t>(learner.tokens().size()) < settings.vocabulary) {
    require(learner.merge_one(), Fault::data, [&] {
      return "vocabulary: the text of " + std::to_string(documents.size()) + " documents has room for only " +
             std::to_string(learner.tokens().size()) + " different tokens, expected " +
             std::to_string(settings.vocabulary);
    });
  }
  Json vocabulary = Json::object();
  for (std::size_t id = 0; id < learner.tokens().size(); ++id) vocabulary[learner.tokens()[id]] = id;
  Json merges = Json::array();
  for (const auto& [left, right] : learner.merges()) merges.push_back({learner.token(left), learner.token(right)});
  const Json end = {{"id", 0},
                    {"content", settings.end_of_text},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", true}};
  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", settings.pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  const Json pre = {{"type", "Sequence"}, {"pretokenizers", Json::array({split, byte_level()})}};
  const Json model = {{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", nullptr},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", false},
                      {"byte_fallback", false},
                      {"ignore_merges", false},
                      {"vocab", vocabulary},
                      {"merges", merges}};
  const Json file = {{"version", "1.0"},          {"truncation", nullptr},   {"padding", nullptr},
                     {"added_tokens", {end}},     {"normalizer", nullptr},   {"pre_tokenizer", pre},
                     {"post_processor", nullptr}, {"decoder", byte_level()}, {"model", model}};
  return file.dump(1) + "\n";
}

}  // namespace touchstone
