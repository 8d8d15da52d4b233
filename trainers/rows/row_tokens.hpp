#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "trainers/rows/rows.hpp"

namespace touchstone {

/// Token ids of a prompt and the text that follows it, split as evaluation splits them: white space at the prompt's end
/// moves to the answer, the two are encoded together, and the answer is what lies beyond the prompt's bytes. A token
/// that reaches over the seam belongs to the answer, so that the two spell their text; evaluation instead cuts there by
/// the number of the prompt's own tokens. `pieces` hold byte ranges of `answer` as it was given.
struct SeamTokens {
  std::vector<std::int64_t> context;
  Encoding answer;
  bool merged = false;  ///< the context differs from the prompt encoded alone, which a model is asked with
};
SeamTokens encode_seam(const Tokenizer& tokenizer, const std::string& context, const std::string& answer);

/// An answer of a record behind its prompt, as text (with the chat template, where there is one) or as given tokens.
SeamTokens encode_tokens(const Record& record, const Answer& answer, const RowEncoder& encoder,
                         const RowSettings& settings, RowAudit& audit);

}  // namespace touchstone
