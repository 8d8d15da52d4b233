#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/data/chat_template.hpp"
#include "harness/data/record.hpp"
#include "harness/engine/picture_prompts.hpp"
#include "harness/model/tokenizer.hpp"
#include "trainers/losses/token_facts.hpp"

namespace touchstone {

class Session;

/// A further answer to a row's prompt.
struct RowAnswer {
  std::vector<std::int64_t> ids;  ///< all of them labels
  TokenFacts facts;
  double reward = 0.0;
};

/// One record as tokens: the prompt's, which carry no loss, then the labels: the answer's and its terminator's.
struct Row {
  std::string id;
  std::string item{};  ///< rows with the same item (not empty) are never parted
  std::vector<std::int64_t> ids;
  std::size_t prompt_tokens = 0;  ///< ids[prompt_tokens...] are labels
  TokenFacts facts{};             ///< of the labels
  double reward = 0.0;
  std::vector<RowAnswer> others{};  ///< the record's other answers, when the objective reads them
  /// Of the prompt, in its order; they belong to the record, which must outlive the row. Their tiles are made when a
  /// batch needs them: as floats all pictures of a data set would not fit in memory.
  std::vector<const Image*> pictures{};
  std::vector<std::size_t> soft_at{};  ///< places in the prompt of the pictures' soft rows, in their order
  std::size_t soft_cut = 0;            ///< earlier soft rows that were cut away with the prompt's start
  std::size_t tokens() const;          ///< of prompt and all answers
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
  std::int64_t rows_seam_merged = 0;   ///< a token reaches over the seam of prompt and answer
  std::int64_t longest_row_tokens = 0;
  std::map<std::string, double> values() const;
};

struct RowSettings {
  std::int64_t max_length = 0;       ///< tokens of a row, at most
  bool keep_end = false;             ///< cut the prompt's start instead of the answer's end
  bool append_eos = true;            ///< plain text only: a chat template writes its own end of turn
  bool whole_turn = false;           ///< with a chat template: train what it writes behind the end of turn, too
  std::int64_t answers = 0;          ///< 0: only a record's first is read; more: all are, and there must be this many
  std::vector<std::string> roles{};  ///< of the spans that become marks
  bool keep_pieces = false;          ///< rows keep where in the text their tokens lie
};

/// What is needed to turn records into rows of one model.
struct RowEncoder {
  const Tokenizer& tokenizer;
  const ChatTemplate* chat = nullptr;       ///< null: prompts are plain text
  const PictureReader* pictures = nullptr;  ///< null: records with pictures are refused
  std::int64_t tile_tokens = 0;             ///< soft tokens of a tile
  std::int64_t vocabulary = 0;              ///< rows of the model's embedding; ids must be below it; 0: not known
};

/// The pictures of a record's prompt, in order. Throws Fault::data, by name, for media of another kind, which no family
/// trains on.
std::vector<const Image*> pictures_of(const Record& record);

/// The encoder for a session's model.
RowEncoder row_encoder(const Session& session);

/// A record as a training row; none when truncation leaves an answer without label. Each of several answers is cut on
/// its own, and all keep the same prompt. Prompt, answer and a chat template's end of turn are tokenised as one text
/// and split at bytes. An answer that holds a control token's name as text is tokenised by itself; tokens that a model
/// drew are kept. An answer that a limit cut gets no terminator. The prompt's pictures are written into it as in
/// evaluation, and its answers share them. Throws Fault::data for too few answers and for pictures that the model does
/// not take or that the prompt does not name once each, Fault::config for reference log-probabilities of other tokens,
/// Fault::checkpoint when the template does not continue its own prompt or names no end of turn. Each error names the
/// record.
std::optional<Row> encode_row(const Record& record, const RowEncoder& encoder, const RowSettings& settings,
                              RowAudit& audit);

std::vector<Row> encode_rows(std::span<const Record> records, const RowEncoder& encoder, const RowSettings& settings,
                             RowAudit& audit);

/// SHA-256 over ids, items, labels, their facts, rewards and pictures: two data sets with equal hashes
/// train alike.
std::string rows_hash(std::span<const Row> rows);

}  // namespace touchstone
