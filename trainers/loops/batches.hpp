#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/model/model.hpp"
#include "trainers/rows/rows.hpp"

namespace touchstone {

/// How the loss of an optimizer step is divided, once, over all of its micro-batches.
enum class Normaliser : std::uint8_t {
  token_mean,     ///< by the positions under the loss
  sequence_mean,  ///< every sequence's mean weighs the same
  sequence_sum,   ///< by the sequences
  constant,       ///< by sequences times a constant length
  weight_sum,     ///< by the sum of token weights
};
/// "token_mean", ... in the order of the enum.
const std::vector<std::string>& normaliser_names();

/// Some documents laid end to end, with the positions under the loss. Answers to one prompt are documents that share
/// the prompt's tokens, so that these are computed once.
struct Batch {
  Inputs inputs;            ///< without the soft rows of pictures, which the model computes from `tiles`
  Tensor tiles;             ///< [T, 3, S, S] float32 of all pictures, in the rows' order; undefined without pictures
  Tensor soft_from;         ///< [K] int64: the rows of encode(tiles) that stand at inputs.soft_at; undefined: all
  Tensor at;                ///< [M] int64, indices into inputs.tokens
  Tensor labels;            ///< [M] int64
  Tensor weights;           ///< [M] float32; undefined: all one
  Tensor marks;             ///< [M] uint8; undefined when no row has any
  Tensor ref_logp;          ///< [M] float32; undefined unless every row has them
  Tensor keys;              ///< [M] int64: functions of row, answer and place only
  Tensor answer_of;         ///< [M] int64, as in AnswerBatch
  double weight_sum = 0.0;  ///< of the data's token weights
  std::int64_t sequences = 0;
  std::int64_t tokens = 0;                   ///< of the rows, with the last one of each, without padding
  std::vector<std::int64_t> record_starts;   ///< AnswerBatch::starts
  std::vector<std::int64_t> record_numbers;  ///< the rows' numbers
  std::vector<double> rewards;               ///< one an answer
  /// The same records' answers after the first, when those are run without gradient; else null. It holds all of a
  /// record's other answers or none; the batch itself then has one answer per record.
  std::shared_ptr<const Batch> watched;
  std::map<std::string, Tensor> notes{};  ///< AnswerBatch::notes
};

/// Which of a row's answers after its first a batch holds: `count` of them from `first` on; after the last one it
/// begins again.
struct OtherAnswers {
  std::int64_t first = 0;
  std::int64_t count = 0;  ///< 0: all
};

/// Which answers of the rows a batch holds, and how.
struct BatchSettings {
  bool first_learns = false;  ///< the answers after each row's first are set apart as `watched`
  OtherAnswers others{};
  bool pad = false;  ///< rows of one answer are padded to the batch's longest; padding is not trained
};

/// `pictures` says how pictures become tiles; null where no row has any.
Batch make_batch(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen, Normaliser normaliser,
                 at::Device device, const PictureReader* pictures = nullptr, const BatchSettings& settings = {});

/// Units that may not be parted: the rows of one item together, every other row alone; in the order of their first
/// rows.
std::vector<std::vector<std::size_t>> units_of(const std::vector<Row>& rows);

/// Best fit decreasing: packs units of rows into bins of at most `capacity` tokens. Bins are in the order of their
/// opening, ties in the units' own order. A unit longer than the capacity has a bin to itself.
std::vector<std::vector<std::size_t>> pack_rows(const std::vector<Row>& rows, std::int64_t capacity);

/// The rows end to end, cut every `capacity` tokens: every new row but the last is full, and the context of an answer
/// is all that lies before it in its new row, whatever row it came from. Prompts carry no loss here either; rows
/// without any token under the loss are left out. Throws Fault::config for rows with several answers, pictures, or
/// reference log-probabilities, which were computed in other contexts.
std::vector<Row> wrap_rows(const std::vector<Row>& rows, std::int64_t capacity);

/// How rows become optimizer steps.
struct StepSettings {
  std::int64_t batch_size = 8;    ///< units of rows (bins, when packed) of a micro-batch
  std::int64_t batch_tokens = 0;  ///< when positive: rows of a micro-batch until this many tokens instead
  std::int64_t accumulation = 1;  ///< micro-batches of a step
  double epochs = 3.0;
  std::int64_t max_steps = -1;  ///< when positive, in place of epochs
  bool shuffle = true;
  bool pad = false;  ///< see BatchSettings
  bool pack = false;
  bool wrap = false;  ///< with `pack`: rows were cut from one stream, and fill bins as they are
  std::int64_t pack_tokens = 0;
  std::uint64_t seed = 0;
};

/// The micro-batches of one optimizer step, as row numbers.
struct PlannedStep {
  int epoch = 0;
  std::vector<std::vector<std::size_t>> micro_batches;
};

/// Every step of a training stage, planned beforehand: a pure function of rows and settings, so a resumed run needs
/// only the number of the next step. The last step of an epoch may be smaller. Throws Fault::data when there is no row.
std::vector<PlannedStep> plan_steps(const std::vector<Row>& rows, const StepSettings& settings);

}  // namespace touchstone
