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

/// A model of the session by its name in a config; "": the one that is trained.
Model& session_model(Session& session, const std::string& name);

/// A copy of a model of the session as it is now, deltas included, opened for answering: with weights packed for
/// products it generates several times as fast as the model that is trained.
std::shared_ptr<Model> answering_copy(const Session& session, Model& model);

/// An engine over such a copy.
std::unique_ptr<Engine> session_engine(const Session& session, Model& model);

/// The ids that end an answer of the session's model.
std::vector<std::int64_t> end_tokens(const Session& session);

/// A prompt as token ids, with all soft tokens of its pictures, and the settings for generation (its text is not read).
struct TokenPrompt {
  std::vector<std::int64_t> tokens{};
  std::vector<const Image*> pictures{};
  Generation asked{};
};

/// The answers that the model now generates for each prompt, `asked.samples` for each.
std::vector<std::vector<Generated>> go_on_from(const Session& session, std::span<const TokenPrompt> prompts);

/// The prompt of a record as text to continue, without the white space that a training row moves to the answer.
std::string context_of(const Session& session, const Record& record);

/// A text that the model wrote behind context_of(), as an answer that becomes the same tokens in a training row:
/// without the white space that the row moves to its front.
std::string answer_text(const Session& session, const Record& record, const std::string& written);

/// The answer that the model wrote behind a record's prompt, with the drawn tokens.
Answer written_answer(const Session& session, const Record& record, const Generated& written);

/// The request of the record's own benchmark, where it asks for one written answer; none otherwise.
std::optional<Generation> asked_of(const TrainJob& job, const Record& record);

/// The stop texts, before which an answer is cut: those of a config, or, where it names none, those of the record's own
/// benchmark.
using StopTexts = std::optional<std::vector<std::string>>;
StopTexts read_until(Options& options);
std::vector<std::string> stops_of(const TrainJob& job, const Record& record, const StopTexts& until);

/// For the origin of answers: the stop texts of a data set's records, a list for each task ("": of the config).
nlohmann::ordered_json stops_json(const TrainJob& job, std::span<const Record> records, const StopTexts& until);

/// The option "rule" of stages that judge answers: a reward's name, or {"use": NAME, ...} with its options.
Reward read_rule(Options& options, const TrainerBook& book);

/// The reward that a rule gives an answer. Throws Fault::data naming the record where the rule does not apply.
double worth_of(const Reward& rule, const Judged& judged);

/// Throws Fault::data for a record to whose answers no rule applies.
[[noreturn]] void refuse_unjudged(const Record& record);

/// Whether a text is one of the item's targets, apart from white space around it.
bool equals_target(const Example& example, const std::string& text);

}  // namespace touchstone
