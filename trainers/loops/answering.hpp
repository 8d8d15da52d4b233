#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/model/engine.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// A model of the session by the name a config gave; "": the one that is trained.
Model& session_model(Session& session, const std::string& name);

/// A copy of a model of the session as it is now, deltas included, opened for answering: its weights are packed for
/// products, which writes several times as fast as the model that is trained.
std::shared_ptr<Model> answering_copy(const Session& session, Model& model);

/// An engine over such a copy.
std::unique_ptr<Engine> session_engine(const Session& session, Model& model);

/// The ids that end an answer of the session's model.
std::vector<std::int64_t> end_tokens(const Session& session);

/// A prompt as token ids, whose pictures' soft tokens are all in it, and how to go on from it (its text is not read).
struct TokenPrompt {
  std::vector<std::int64_t> tokens{};
  std::vector<const Image*> pictures{};
  Generation asked{};
};

/// What the model as it is now writes behind each prompt, `asked.samples` answers each.
std::vector<std::vector<Generated>> go_on_from(const Session& session, std::span<const TokenPrompt> prompts);

/// The prompt of a record as text to go on from, without the white space that a training row moves to the answer.
std::string context_of(const Session& session, const Record& record);

/// A text that the model wrote behind context_of(), as an answer that a training row ends with the same tokens: without
/// the white space that the row moves to its front.
std::string answer_text(const Session& session, const Record& record, const std::string& written);

/// What the model wrote behind a record's prompt, with the tokens as they were drawn.
Answer written_answer(const Session& session, const Record& record, const Generated& written);

/// What the record's own benchmark asks for where that is one written answer; none otherwise.
std::optional<Generation> asked_of(const TrainJob& job, const Record& record);

/// The texts that an answer is cut before: those of a config, or, where it names none, those at which the record's own
/// benchmark stops.
using StopTexts = std::optional<std::vector<std::string>>;
StopTexts read_until(Options& options);
std::vector<std::string> stops_of(const TrainJob& job, const Record& record, const StopTexts& until);

/// For the origin of answers: the stop texts of a data set's records, a list for each task ("": of the config).
nlohmann::ordered_json stops_json(const TrainJob& job, std::span<const Record> records, const StopTexts& until);

/// The option "rule" of stages that judge answers: a reward's name, or {"use": NAME, ...} with its options.
Reward read_rule(Options& options, const TrainerBook& book);

/// What a rule gives an answer. Throws Fault::data naming the record where it says nothing.
double worth_of(const Reward& rule, const Judged& judged);

/// Throws Fault::data for a record to whose answers no rule applies.
[[noreturn]] void refuse_unjudged(const Record& record);

/// Whether a text is one of the item's targets, but for white space around it.
bool equals_target(const Example& example, const std::string& text);

}  // namespace touchstone
