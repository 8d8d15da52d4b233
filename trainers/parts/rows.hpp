#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/data/chat_template.hpp"
#include "harness/data/record.hpp"
#include "harness/model/tokenizer.hpp"
#include "trainers/parts/token_facts.hpp"

namespace touchstone {

/// A further answer to a row's prompt.
struct RowAnswer {
  std::vector<std::int64_t> ids;  ///< all of them labels
  TokenFacts facts;
  double reward = 0.0;
};

/// One record as tokens: the prompt's, which carry no loss, then the answer's and its terminator's, which do.
struct Row {
  std::string id;
  std::vector<std::int64_t> ids;
  std::size_t prompt_tokens = 0;  ///< ids[prompt_tokens...] are labels
  TokenFacts facts{};             ///< of the labels
  double reward = 0.0;
  std::vector<RowAnswer> others{};  ///< the record's other answers, when the objective reads them
  std::size_t tokens() const;       ///< of prompt and all answers
};

/// What became of the records; every count ends up in the results database.
struct RowAudit {
  std::int64_t rows_total = 0;
  std::int64_t rows_truncated = 0;
  std::int64_t rows_dropped = 0;  ///< no label was left
  std::int64_t tokens_total = 0;  ///< before truncation
  std::int64_t tokens_dropped = 0;
  std::int64_t labels_total = 0;
  std::int64_t labels_dropped = 0;
  std::int64_t rows_control_text = 0;  ///< the answer holds a control token's name as text; it stays text
  std::int64_t longest_row_tokens = 0;
  std::map<std::string, double> values() const;
};

struct RowSettings {
  std::int64_t max_length = 0;       ///< tokens of a row, at most
  bool keep_end = false;             ///< cut the prompt's start instead of the answer's end
  bool append_eos = true;            ///< plain text only: a chat template writes its own end of turn
  std::int64_t answers = 0;          ///< 0: a record's first alone is read; more: all, of which there must be so many
  std::vector<std::string> roles{};  ///< of spans, that marks tell of
  bool keep_pieces = false;          ///< rows say where in the text their tokens lie
};

/// Token ids of a prompt and the text that follows it, split exactly as evaluation splits them: white space at the
/// prompt's end moves to the answer, the two are encoded together, and the answer is what lies beyond the prompt's own
/// tokens. `pieces` hold byte ranges of `answer` as it was given.
struct SeamTokens {
  std::vector<std::int64_t> context;
  Encoding answer;
};
SeamTokens encode_seam(const Tokenizer& tokenizer, const std::string& context, const std::string& answer);

/// A record as a training row; none when truncation leaves an answer without label. Of several answers each is cut on
/// its own, and all keep the same prompt. With a chat template the token
/// ids of prompt, answer and end of turn are concatenated, and a control token's name within the answer stays text.
/// Throws Fault::data for too few answers, Fault::config for reference log-probabilities of other tokens,
/// Fault::checkpoint when the template does not continue its own prompt or names no end of turn.
std::optional<Row> encode_row(const Record& record, const Tokenizer& tokenizer, const ChatTemplate* chat,
                              const RowSettings& settings, RowAudit& audit);

std::vector<Row> encode_rows(std::span<const Record> records, const Tokenizer& tokenizer, const ChatTemplate* chat,
                             const RowSettings& settings, RowAudit& audit);

/// SHA-256 over ids, labels and weights: two data sets with equal hashes train alike.
std::string rows_hash(std::span<const Row> rows);

}  // namespace touchstone
