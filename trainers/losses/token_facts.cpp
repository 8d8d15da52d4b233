#include "trainers/losses/token_facts.hpp"

#include <algorithm>

#include "harness/model/objective.hpp"

namespace touchstone {
namespace {

struct Bytes {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// The part of the span that lies in the text.
Bytes bytes_of(const Span& span, std::size_t size) {
  return {static_cast<std::size_t>(std::max(0, span.first)),
          std::min(size, static_cast<std::size_t>(std::max(0, span.last)))};
}

std::vector<float> token_weights(const Encoding& answer, const Answer& source) {
  if (source.spans.empty()) return {};
  std::vector<double> bytes(source.text.size(), 1.0);
  for (const auto& span : source.spans) {
    const auto [first, last] = bytes_of(span, bytes.size());
    for (auto at = first; at < last; ++at) bytes[at] = span.weight;
  }
  std::vector<float> weights;
  for (const auto& piece : answer.pieces) {
    const auto last = std::min(piece.last, bytes.size());
    double sum = 0.0;
    for (auto at = piece.first; at < last; ++at) sum += bytes[at];
    weights.push_back(piece.first < last ? static_cast<float>(sum / static_cast<double>(last - piece.first)) : 1.0F);
  }
  return weights;
}

std::vector<std::uint8_t> token_marks(const Encoding& answer, const Answer& source,
                                      const std::vector<std::string>& roles) {
  if (roles.empty()) return {};
  std::vector<std::uint8_t> bytes(source.text.size(), 0);
  for (const auto& span : source.spans) {
    const auto role = std::find(roles.begin(), roles.end(), span.role) - roles.begin();
    if (role == static_cast<std::ptrdiff_t>(roles.size())) continue;
    const auto [first, last] = bytes_of(span, bytes.size());
    for (auto at = first; at < last; ++at) bytes[at] |= static_cast<std::uint8_t>(1U << role);
  }
  std::vector<std::uint8_t> marks;
  std::size_t text_tokens = 0;  // through the last that has bytes
  for (const auto& piece : answer.pieces) {
    std::uint8_t mark = 0;
    for (auto at = piece.first; at < std::min(piece.last, bytes.size()); ++at) mark |= bytes[at];
    marks.push_back(mark);
    if (piece.first < piece.last) text_tokens = marks.size();
  }
  if (source.tokens.empty()) std::fill(marks.begin() + static_cast<std::ptrdiff_t>(text_tokens), marks.end(), end_mark);
  return marks;
}

template <class Value>
void keep(std::vector<Value>& values, std::size_t tokens) {
  if (values.size() > tokens) values.resize(tokens);
}

template <class Value>
void drop(std::vector<Value>& values, std::size_t tokens) {
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(std::min(values.size(), tokens)));
}

}  // namespace

void TokenFacts::keep_first(std::size_t tokens) {
  keep(weights, tokens);
  keep(marks, tokens);
  keep(ref_logp, tokens);
  keep(trained, tokens);
  keep(pieces, tokens);
}

void TokenFacts::drop_first(std::size_t tokens) {
  drop(weights, tokens);
  drop(marks, tokens);
  drop(ref_logp, tokens);
  drop(trained, tokens);
  drop(pieces, tokens);
}

TokenFacts facts_of(const Encoding& answer, const Answer& source, const std::vector<std::string>& roles) {
  return {.weights = token_weights(answer, source), .marks = token_marks(answer, source, roles), .ref_logp = {}};
}

}  // namespace touchstone
