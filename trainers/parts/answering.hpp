#pragma once
#include <memory>
#include <string>

#include "harness/base/options.hpp"
#include "harness/model/engine.hpp"
#include "harness/train/session.hpp"

namespace touchstone {

/// A model of the session by the name a config gave; "": the one that is trained.
Model& session_model(Session& session, const std::string& name);

/// A copy of a model of the session as it is now, deltas included, opened for answering: its weights are packed for
/// products, which writes several times as fast as the model that is trained. The weights pass through a file in the
/// job's work folder.
std::shared_ptr<Model> answering_copy(const Session& session, Model& model);

/// An engine over such a copy.
std::unique_ptr<Engine> session_engine(const Session& session, Model& model);

/// The prompt of a record as text to go on from, without the white space that a training row moves to the answer.
std::string context_of(const Session& session, const Record& record);

/// A text that the model wrote behind context_of(), as an answer that a training row ends with the same tokens: without
/// the white space that the row moves to its front.
std::string answer_text(const Session& session, const Record& record, const std::string& written);

/// The option "rule" of stages that judge answers: "task" or "equal".
std::string read_rule(Options& options);

/// What a text is worth as the answer to a record, in [0, 1]. By rule "task" the benchmark's own score of it where that
/// asks for one written answer; else, and by rule "equal", one where the text is one of the targets but for white space
/// around it. Throws Fault::data when the record comes from no task.
double score_answer(const TrainJob& job, const Record& record, const std::string& text, const std::string& rule);

}  // namespace touchstone
