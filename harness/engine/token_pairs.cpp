#include "harness/engine/token_pairs.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

TokenIds narrowed(const std::vector<std::int64_t>& ids) {
  TokenIds result;
  result.reserve(ids.size());
  for (const auto id : ids) result.push_back(static_cast<std::int32_t>(id));
  return result;
}

TokenIds encode_plain(const EncodingRules& rules, const std::string& text) {
  return narrowed(rules.tokenizer->encode(text, {.add_special_tokens = false, .parse_special_tokens = true}));
}

std::int32_t prefix_token(const EncodingRules& rules) {
  require(rules.prefix.has_value(), Fault::checkpoint,
          "the tokenizer has neither a BOS nor an EOS token, one of which must stand before a text without context");
  return static_cast<std::int32_t>(*rules.prefix);
}

/// Keeps the last M + 1 tokens of context and continuation; the very last is only predicted.
ScoredTokens fit(const EncodingRules& rules, const TokenIds& context, TokenIds continuation) {
  const auto room = static_cast<std::size_t>(rules.max_length);
  require(continuation.size() <= room, Fault::data, [&] {
    return "an answer to score has " + std::to_string(continuation.size()) + " tokens, expected at most the model's " +
           std::to_string(room);
  });
  ScoredTokens scored;
  scored.prompt_tokens = static_cast<int>(context.size());
  const auto total = context.size() + continuation.size();
  const auto dropped = total > room + 1 ? total - (room + 1) : 0;
  scored.truncated_tokens = static_cast<int>(dropped);
  scored.input.reserve(total - dropped - 1);
  scored.input.assign(context.begin() + static_cast<std::ptrdiff_t>(dropped), context.end());
  scored.input.insert(scored.input.end(), continuation.begin(), continuation.end() - 1);
  scored.targets = std::move(continuation);
  return scored;
}

Prompt encode_one(const EncodingRules& rules, const std::string& context, int max_new_tokens) {
  Prompt prompt;
  prompt.tokens = encode_context(rules, context);
  if (prompt.tokens.empty()) prompt.tokens.push_back(prefix_token(rules));
  prompt.prompt_tokens = static_cast<int>(prompt.tokens.size());
  prompt.max_new_tokens = max_new_tokens;
  auto room = rules.max_length - max_new_tokens;
  if (room <= 0) {
    room = std::min(prompt.prompt_tokens, std::max(rules.max_length / 2, 1));
    prompt.max_new_tokens = rules.max_length - room;
  }
  if (prompt.prompt_tokens > room) {
    prompt.truncated_tokens = prompt.prompt_tokens - room;
    prompt.tokens.erase(prompt.tokens.begin(), prompt.tokens.begin() + prompt.truncated_tokens);
  }
  return prompt;
}

}  // namespace

EncodingRules make_rules(const Tokenizer& tokenizer, std::optional<bool> add_bos_token, int max_length) {
  EncodingRules rules{.tokenizer = &tokenizer,
                      .add_bos_token = add_bos_token,
                      .prefix = tokenizer.bos() ? tokenizer.bos() : tokenizer.eos(),
                      .prefix_text = {},
                      .max_length = max_length};
  if (rules.prefix) rules.prefix_text = tokenizer.token(*rules.prefix);
  return rules;
}

TokenIds encode_context(const EncodingRules& rules, const std::string& text) {
  auto special = rules.add_bos_token.value_or(true);
  if (!rules.prefix_text.empty() && text.starts_with(rules.prefix_text)) special = false;
  return narrowed(rules.tokenizer->encode(text, {.add_special_tokens = special, .parse_special_tokens = true}));
}

ScoredTokens PairEncoder::encode(const Likelihood& request) {
  if (request.context.empty()) {
    auto continuation = encode_plain(*rules_, request.continuation);
    const auto prefix = prefix_token(*rules_);
    if (continuation.size() > 1 && continuation.front() == prefix) continuation.erase(continuation.begin());
    require(!continuation.empty(), Fault::data, "a continuation has no tokens");
    return fit(*rules_, {prefix}, std::move(continuation));
  }
  // White space at the seam belongs to the continuation.
  const auto kept = rstrip(request.context).size();
  const auto context = request.context.substr(0, kept);
  const auto continuation = request.context.substr(kept) + request.continuation;
  if (context.empty() || context != context_) {
    context_tokens_ = encode_context(*rules_, context);
    context_ = context;
  }
  const auto whole = encode_context(*rules_, context + continuation);
  TokenIds tail;
  if (whole.size() > context_tokens_.size()) {
    tail.assign(whole.begin() + static_cast<std::ptrdiff_t>(context_tokens_.size()), whole.end());
  }
  const bool empty = tail.empty();
  if (empty) tail = encode_plain(*rules_, continuation);
  require(!tail.empty(), Fault::data, "a continuation has no tokens");
  // A context of only white space leaves no tokens where the tokenizer adds none; but the first token needs a row
  // before it.
  const auto scored = context_tokens_.empty() ? fit(*rules_, {prefix_token(*rules_)}, std::move(tail))
                                              : fit(*rules_, context_tokens_, std::move(tail));
  auto result = scored;
  result.empty_continuation = empty;
  return result;
}

std::vector<ScoredTokens> encode_rolling(const EncodingRules& rules, const std::string& text) {
  const auto tokens = encode_context(rules, text);
  const auto room = static_cast<std::size_t>(rules.max_length);
  std::vector<ScoredTokens> windows;
  for (std::size_t done = 0; done < tokens.size();) {
    const auto predicted = std::min(tokens.size() - done, room);
    const auto end = done + predicted;
    ScoredTokens window;
    window.targets.assign(tokens.begin() + static_cast<std::ptrdiff_t>(done),
                          tokens.begin() + static_cast<std::ptrdiff_t>(end));
    if (done == 0) {
      window.input.push_back(prefix_token(rules));
      window.input.insert(window.input.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(end) - 1);
    } else {
      const auto first = end - 1 > room ? end - 1 - room : 0;
      window.input.assign(tokens.begin() + static_cast<std::ptrdiff_t>(first),
                          tokens.begin() + static_cast<std::ptrdiff_t>(end) - 1);
    }
    window.prompt_tokens = static_cast<int>(window.input.size() + 1 - predicted);
    windows.push_back(std::move(window));
    done = end;
  }
  return windows;
}

Prompt encode_prompt(const EncodingRules& rules, const Generation& request) {
  auto prompt = encode_one(rules, request.context, request.max_new_tokens);
  for (const auto& context : request.further_contexts) {
    auto other = encode_one(rules, context, request.max_new_tokens);
    prompt.prompt_tokens = std::max(prompt.prompt_tokens, other.prompt_tokens);
    prompt.truncated_tokens = std::max(prompt.truncated_tokens, other.truncated_tokens);
    prompt.max_new_tokens = std::min(prompt.max_new_tokens, other.max_new_tokens);
    prompt.further.push_back(std::move(other.tokens));
  }
  return prompt;
}

}  // namespace touchstone
