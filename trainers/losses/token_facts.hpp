#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/data/record.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// Facts about each token of an answer and its terminator; a list is empty when nothing is known.
struct TokenFacts {
  std::vector<float> weights;             ///< empty: all one
  std::vector<std::uint8_t> marks;        ///< as in TokenBatch
  std::vector<float> ref_logp;            ///< under the model of the stage `reference`, in nats
  std::vector<std::uint8_t> trained{};    ///< 0: context only, as a prompt within a wrapped row; empty: all are trained
  std::vector<Encoding::Piece> pieces{};  ///< bytes in the answer's text, when RowSettings::keep_pieces

  void keep_first(std::size_t tokens);
  void drop_first(std::size_t tokens);
};

/// Weights and marks of the tokens of `answer`, whose pieces lie in the text of `source`. A token's weight is the mean
/// over its bytes; it has a role's mark when any of its bytes lies in a span of that role. Tokens without bytes weigh
/// one; those behind the text are marked as its end.
TokenFacts facts_of(const Encoding& answer, const Answer& source, const std::vector<std::string>& roles);

}  // namespace touchstone
