#include "backends/tokenizers/pipeline.hpp"

#include <algorithm>
#include <set>

#include "backends/tokenizers/unicode.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {
namespace {

class Pipeline : public Tokenizer {
 public:
  Pipeline(Parts parts, const std::string& where);

  std::vector<std::int64_t> encode(std::string_view text, const EncodeSettings& settings) const override {
    Work work;
    run(text, settings, work);
    return std::move(work.ids);
  }
  Encoding encode_pieces(std::string_view text, const EncodeSettings& settings) const override {
    Work work;
    work.tracked = true;
    run(text, settings, work);
    return {std::move(work.ids), std::move(work.pieces)};
  }
  std::string decode(std::span<const std::int64_t> ids, bool skip_special_tokens) const override;
  std::int64_t size() const override { return size_; }
  std::optional<std::int64_t> id_of(std::string_view token) const override;
  std::string token(std::int64_t id) const override;
  std::optional<std::int64_t> bos() const override { return bos_; }
  std::optional<std::int64_t> eos() const override { return eos_; }
  std::string chat_template() const override { return parts_.chat_template; }
  std::optional<std::int64_t> model_max_length() const override { return parts_.model_max_length; }
  const std::string& hash() const override { return parts_.hash; }
  SpecialTokens special_tokens() const override { return parts_.special_tokens; }

 private:
  std::vector<AddedToken> filled_forms();
  void run(std::string_view text, const EncodeSettings& settings, Work& work) const;
  void ordinary(const Span& span, bool specials, Work& work) const;
  void words(const Span& span, Work& work) const;
  const AddedToken* added(std::int64_t id) const;
  std::optional<std::int64_t> named(const std::string& key, const std::string& where) const;

  Parts parts_;
  std::map<std::int64_t, std::size_t> by_id_;  ///< places in parts_.added
  std::vector<bool> special_ids_;
  std::set<std::string> special_texts_;
  AddedTokens raw_;         ///< searched for in the original text
  AddedTokens normalized_;  ///< searched for in the normalised text
  std::int64_t size_ = 0;
  std::optional<std::int64_t> bos_;
  std::optional<std::int64_t> eos_;
};

std::vector<AddedToken> selected(const std::vector<AddedToken>& all, bool normalized) {
  std::vector<AddedToken> some;
  for (const auto& token : all) {
    if (token.normalized == normalized) some.push_back(token);
  }
  return some;
}

std::vector<AddedToken> Pipeline::filled_forms() {
  for (auto& token : parts_.added) {
    token.form = token.content;
    Rewritten changed;
    if (token.normalized && parts_.normalizer != nullptr &&
        parts_.normalizer->normalize(Span{token.content}, changed)) {
      token.form = changed.text;
    }
  }
  return selected(parts_.added, false);
}

Pipeline::Pipeline(Parts parts, const std::string& where)
    : parts_(std::move(parts)), raw_(filled_forms()), normalized_(selected(parts_.added, true)) {
  size_ = parts_.model->vocabulary().size();
  for (std::size_t i = 0; i < parts_.added.size(); ++i) {
    const auto& token = parts_.added[i];
    size_ = std::max(size_, token.id + 1);
    by_id_[token.id] = i;
  }
  special_ids_.resize(static_cast<std::size_t>(size_));
  for (const auto& token : parts_.added) {
    if (!token.special) continue;
    special_ids_[static_cast<std::size_t>(token.id)] = true;
    special_texts_.insert(token.content);
  }
  bos_ = named("bos_token", where);
  eos_ = named("eos_token", where);
}

std::optional<std::int64_t> Pipeline::named(const std::string& key, const std::string& where) const {
  const auto found = parts_.special_tokens.named.find(key);
  if (found == parts_.special_tokens.named.end()) return std::nullopt;
  const auto id = id_of(found->second);
  require(id.has_value(), Fault::checkpoint, [&] {
    return where + ": " + key + " '" + found->second.substr(0, 80) + "' is not a token of the tokenizer";
  });
  return id;
}

const AddedToken* Pipeline::added(std::int64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &parts_.added[found->second];
}

std::optional<std::int64_t> Pipeline::id_of(std::string_view token) const {
  for (const auto& one : parts_.added) {
    if (one.content == token) return one.id;
  }
  const auto id = parts_.model->vocabulary().find(token);
  return id < 0 ? std::nullopt : std::optional<std::int64_t>(id);
}

std::string Pipeline::token(std::int64_t id) const {
  if (const auto* found = added(id)) return found->content;
  return parts_.model->vocabulary().token(id);
}

void Pipeline::run(std::string_view text, const EncodeSettings& settings, Work& work) const {
  require(text.size() < UINT32_MAX, Fault::data, [&] {
    return "text of " + std::to_string(text.size()) + " bytes is longer than a tokenizer takes at once (4 GiB)";
  });
  if (!settings.parse_special_tokens) work.avoid = &special_ids_;
  work.ids.reserve(text.size() / 4 + 8);
  const auto add = [&](const std::vector<std::int64_t>& ids) {
    for (const auto id : ids) work.put(id, Span{}, 0, 0);
  };
  if (settings.add_special_tokens) add(parts_.before);
  const Span whole{text, 0, nullptr, work.tracked};
  Rewritten repaired;
  const Span span = repair_utf8(whole, repaired) ? repaired.span(whole) : whole;
  raw_.split(span.text, settings.parse_special_tokens, [&](const AddedTokens::Found& part) {
    if (part.token != nullptr) return work.put(part.token->id, span, part.first, part.last);
    ordinary(span.sub(part.first, part.last), settings.parse_special_tokens, work);
  });
  if (settings.add_special_tokens) add(parts_.after);
}

void Pipeline::ordinary(const Span& span, bool specials, Work& work) const {
  Rewritten changed;
  const bool rewritten = parts_.normalizer != nullptr && parts_.normalizer->normalize(span, changed);
  const Span now = rewritten ? changed.span(span) : span;
  normalized_.split(now.text, specials, [&](const AddedTokens::Found& part) {
    if (part.token != nullptr) return work.put(part.token->id, now, part.first, part.last);
    words(now.sub(part.first, part.last), work);
  });
}

void Pipeline::words(const Span& span, Work& work) const {
  const auto word = [&](const Span& piece) { parts_.model->tokenize(piece, work); };
  if (parts_.pre_tokenizer == nullptr) return word(span);
  parts_.pre_tokenizer->split(span, word);
}

std::string Pipeline::decode(std::span<const std::int64_t> ids, bool skip_special_tokens) const {
  std::vector<std::string> pieces;
  pieces.reserve(ids.size());
  for (const auto id : ids) {
    // An added token with a normalised form is decoded in that form.
    const auto* one = added(id);
    const auto& piece = one != nullptr ? one->form : parts_.model->vocabulary().token(id);
    if (piece.empty() || (skip_special_tokens && special_texts_.count(piece) > 0)) continue;
    pieces.push_back(piece);
  }
  if (pieces.empty()) return {};
  std::string text;
  if (parts_.decoder != nullptr) {
    parts_.decoder->decode(pieces);
    text = join(pieces, "");
  } else {
    text = join(pieces, " ");
  }
  return parts_.clean_up_spaces ? clean_up_spaces(std::move(text)) : text;
}

}  // namespace

std::unique_ptr<Tokenizer> make_pipeline(Parts parts, const std::string& where) {
  return std::make_unique<Pipeline>(std::move(parts), where);
}

}  // namespace touchstone::tokenizers
