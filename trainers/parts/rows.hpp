#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/data/chat_template.hpp"
#include "harness/data/record.hpp"
#include "harness/model/picture_prompts.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

class Session;

/// One record as tokens: the prompt's, which carry no loss, then the answer's and its terminator's, which do.
struct Row {
  std::string id;
  std::vector<std::int64_t> ids;
  std::size_t prompt_tokens = 0;  ///< ids[prompt_tokens...] are labels
  std::vector<float> weights;     ///< one a label; empty: all one
  /// Of the prompt, in its order; they belong to the record, which must outlive the row. Their tiles are made when a
  /// batch needs them: as floats all pictures of a data set would not fit in memory.
  std::vector<const Image*> pictures = {};
  std::vector<std::size_t> soft_at = {};  ///< places in ids that soft rows of the pictures take, in their order
  std::size_t soft_cut = 0;               ///< soft rows before those, cut away with the prompt's start
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
  std::int64_t max_length = 0;  ///< tokens of a row, at most
  bool keep_end = false;        ///< cut the prompt's start instead of the answer's end
  bool append_eos = true;       ///< plain text only: a chat template writes its own end of turn
};

/// What turns records of one model into rows.
struct RowEncoder {
  const Tokenizer& tokenizer;
  const ChatTemplate* chat = nullptr;       ///< null: prompts are plain text
  const PictureReader* pictures = nullptr;  ///< null: records with pictures are refused
  std::int64_t tile_tokens = 0;             ///< soft tokens of a tile
};

/// The encoder for a session's model.
RowEncoder row_encoder(const Session& session);

/// Token ids of a prompt and the text that follows it, split exactly as evaluation splits them: white space at the
/// prompt's end moves to the answer, the two are encoded together, and the answer is what lies beyond the prompt's own
/// tokens. `pieces` hold byte ranges of `answer` as it was given.
struct SeamTokens {
  std::vector<std::int64_t> context;
  Encoding answer;
};
SeamTokens encode_seam(const Tokenizer& tokenizer, const std::string& context, const std::string& answer);

/// The first answer of a record as a training row; none when truncation leaves no label. With a chat template the token
/// ids of prompt, answer and end of turn are concatenated, and a control token's name within the answer stays text.
/// Pictures of the prompt are written into it as evaluation writes them. Throws Fault::checkpoint when the template
/// does not continue its own prompt or names no end of turn, and Fault::data, with the record's id, for pictures that
/// the model does not take or that the prompt does not name once each.
std::optional<Row> encode_row(const Record& record, const RowEncoder& encoder, const RowSettings& settings,
                              RowAudit& audit);

std::vector<Row> encode_rows(std::span<const Record> records, const RowEncoder& encoder, const RowSettings& settings,
                             RowAudit& audit);

/// SHA-256 over ids, labels, weights and pictures: two data sets with equal hashes train alike.
std::string rows_hash(std::span<const Row> rows);

}  // namespace touchstone
