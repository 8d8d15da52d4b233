#include "backends/tokenizers/unigram.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "backends/tokenizers/prefix_tree.hpp"
#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"

namespace touchstone::tokenizers {
namespace {

constexpr double unknown_penalty = 10.0;

Vocabulary vocabulary_of(const std::vector<ScoredToken>& tokens, const std::string& where) {
  Vocabulary vocabulary;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    require(!std::isnan(tokens[id].score), Fault::checkpoint,
            [&] { return where + ".vocab[" + std::to_string(id) + "]: found a score that is not a number"; });
    if (!tokens[id].text.empty()) vocabulary.add(tokens[id].text, static_cast<std::int64_t>(id), where + ".vocab");
  }
  vocabulary.freeze();
  return vocabulary;
}

class Unigram : public Model {
 public:
  Unigram(const std::vector<ScoredToken>& tokens, const UnigramSettings& settings, const std::string& where);
  void tokenize(const Span& word, Work& work) const override;

 private:
  /// The best path to a place: from where, with which token, at what score.
  struct Step {
    double score = 0.0;
    std::int32_t from = -1;
    std::int32_t id = -1;
  };
  void best_path(std::string_view word, const Work& work, std::vector<Step>& steps) const;
  void put_unknown(std::string_view text, std::vector<Token>& tokens) const;

  std::vector<double> scores_;
  std::int32_t unknown_ = -1;
  double unknown_score_ = 0.0;
  std::array<std::int32_t, 256> byte_ids_{};
  bool byte_fallback_ = false;
  PrefixTree tree_;
};

Unigram::Unigram(const std::vector<ScoredToken>& tokens, const UnigramSettings& settings, const std::string& where)
    : Model(vocabulary_of(tokens, where)), byte_fallback_(settings.byte_fallback) {
  require(!tokens.empty(), Fault::checkpoint, [&] { return where + ".vocab: the list is empty"; });
  double least = tokens[0].score;
  for (const auto& token : tokens) {
    scores_.push_back(token.score);
    least = std::min(least, token.score);
  }
  unknown_score_ = least - unknown_penalty;
  if (settings.unknown) {
    require(*settings.unknown >= 0 && *settings.unknown < static_cast<std::int64_t>(tokens.size()), Fault::checkpoint,
            [&] {
              return where + ".unk_id: found " + std::to_string(*settings.unknown) + ", expected 0 to " +
                     std::to_string(tokens.size() - 1);
            });
    unknown_ = static_cast<std::int32_t>(*settings.unknown);
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "<0x%02X>", static_cast<unsigned>(byte));
    byte_ids_[byte] = vocabulary().find(text.data());
  }
  // The last of equal texts is the one that is found.
  for (std::size_t id = 0; id < tokens.size(); ++id) tree_.add(tokens[id].text, static_cast<std::int32_t>(id));
  tree_.freeze();
}

void Unigram::best_path(std::string_view word, const Work& work, std::vector<Step>& steps) const {
  steps.assign(word.size() + 1, {});
  const auto offer = [&](std::size_t from, std::size_t to, std::int32_t id, double score) {
    auto& target = steps[to];
    const double sum = score + steps[from].score;
    if (target.from < 0 || sum > target.score) target = {sum, static_cast<std::int32_t>(from), id};
  };
  for (std::size_t at = 0; at < word.size();) {
    const auto bytes = known_code_point_at(word, at).bytes;
    bool has_single = false;
    tree_.each_prefix(word.substr(at), [&](std::size_t length, std::int32_t id) {
      if (work.avoided(id)) return;
      offer(at, at + length, id, scores_[static_cast<std::size_t>(id)]);
      has_single = has_single || length == bytes;
    });
    if (!has_single) {
      require(unknown_ >= 0, Fault::checkpoint, [&] {
        return "the tokenizer has no token for '" + std::string(word.substr(at, bytes)) + "' and no unk_id";
      });
      offer(at, at + bytes, unknown_, unknown_score_);
    }
    at += bytes;
  }
}

void Unigram::put_unknown(std::string_view text, std::vector<Token>& tokens) const {
  // A run of several unknown characters may be a token as a whole.
  const auto id = vocabulary().find(text);
  const auto missing = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)] < 0; };
  if (id >= 0) {
    tokens.push_back({id, static_cast<std::uint32_t>(text.size())});
  } else if (byte_fallback_ && std::none_of(text.begin(), text.end(), missing)) {
    for (const char byte : text) tokens.push_back({byte_ids_[static_cast<unsigned char>(byte)], 1});
  } else {
    tokens.push_back({unknown_, static_cast<std::uint32_t>(text.size())});
  }
}

void Unigram::tokenize(const Span& word, Work& work) const {
  if (const auto known = work.cache.find(word.text); known.first != nullptr) {
    return work.put_all(word, known.first, known.second);
  }
  require(word.text.size() < INT32_MAX, Fault::data,
          "a word of the text is longer than 2 GiB, which the tokenizer does not take");
  std::vector<Step> steps;
  best_path(word.text, work, steps);
  // Backwards from the end, with neighbouring unknown steps joined; then reversed.
  struct Part {
    std::size_t first, last;
    std::int32_t id;
  };
  std::vector<Part> parts;
  for (auto end = word.text.size(); end > 0;) {
    const auto& step = steps[end];
    const auto first = static_cast<std::size_t>(step.from);
    if (step.id == unknown_ && !parts.empty() && parts.back().id == unknown_) {
      parts.back().first = first;
    } else {
      parts.push_back({first, end, step.id});
    }
    end = first;
  }
  work.tokens.clear();
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->id == unknown_) {
      put_unknown(word.text.substr(part->first, part->last - part->first), work.tokens);
    } else {
      work.tokens.push_back({part->id, static_cast<std::uint32_t>(part->last - part->first)});
    }
  }
  work.put_all(word, work.tokens.data(), work.tokens.size());
  work.cache.add(word.text, work.tokens.data(), work.tokens.size());
}

}  // namespace

std::unique_ptr<Model> make_unigram(const std::vector<ScoredToken>& tokens, const UnigramSettings& settings,
                                    const std::string& where) {
  return std::make_unique<Unigram>(tokens, settings, where);
}

}  // namespace touchstone::tokenizers
