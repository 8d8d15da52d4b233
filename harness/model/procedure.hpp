#pragma once
// How a model answers, where that is more than asking it once. Procedure and weights are all that training leaves. No
// tensor in this header.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/base/registry.hpp"
#include "harness/data/task.hpp"

namespace touchstone {

class CachePolicy;
class LogitsProcessor;
class Model;

/// The file beside the weights that names a procedure and its options.
inline constexpr const char* procedure_file = "procedure.json";

/// One way of writing the prompts of a task.
struct PromptVariant {
  int shot_draw = 0;        ///< 0: the shots that plain measuring draws; another number: another draw
  std::string instruction;  ///< a system instruction behind that of the measurement, if any
};

/// One example, as given to a procedure.
struct Question {
  const Task* task = nullptr;
  const Example* example = nullptr;
  std::vector<std::vector<Request>> requests;  ///< the task's own, one list for each of Procedure::prompts
  AskSettings asking;
};

/// A procedure's result for a question.
struct Answered {
  std::vector<Response> responses;      ///< to requests[0], one each: what the task judges
  std::vector<std::string> considered;  ///< texts that were considered; kept with the sample behind the answer's own
  std::string detail;                   ///< one line for a reader: "3 of 5 votes"
  std::string declined;  ///< why the question was answered without the procedure after all; empty: it was not
};

/// One request that a procedure makes for a question. Every one counts among the work of its answer.
struct Asked {
  std::size_t question = 0;
  Request request;
};

/// Asks the model ("") or another one by its name in procedure.json; one Response each, in the order given. Ask as much
/// as possible at once: requests are answered in batches.
using Ask = std::function<std::vector<Response>(const std::vector<Asked>& asked, const std::string& model)>;

/// Models that procedure.json names, by that name, and as "" the one that answers; open as long as the engine is.
using OtherModels = std::map<std::string, std::shared_ptr<Model>>;

/// How a model answers. A field left empty means: as without a procedure.
struct Procedure {
  std::vector<PromptVariant> prompts = {PromptVariant()};  ///< the first must be the plain one
  std::vector<std::string> models{};                       ///< names that procedure.json must give folders for
  /// One Answered per question, in order. For several rounds it calls `ask` several times.
  std::function<std::vector<Answered>(std::span<const Question> questions, const Ask& ask)> answer{};
  /// Makes a worker's LogitsProcessor (harness/model/logits.hpp), which changes logits before they are used.
  std::function<std::unique_ptr<LogitsProcessor>(const OtherModels& models)> logits{};
  int depth = 0;  ///< the head reads the state after so many layers, and those above are not run; 0: all are
  /// Makes what says which keys and values answers go on with (harness/model/cache_policy.hpp); each worker has its
  /// own.
  std::function<std::unique_ptr<CachePolicy>()> cache{};
  std::string json{};  ///< name and options, keys sorted; filled in by read_procedure
};

/// A procedure that recipes and procedure.json may name. `make` reads its options and throws Fault::config for an
/// error; with Options::describe it only lists them.
struct ProcedureMaker {
  std::string summary;
  std::function<Procedure(Options&)> make;
};
using ProcedureBook = Registry<ProcedureMaker>;
/// An empty book: a model that has a procedure cannot be opened with it.
const ProcedureBook& no_procedures();

/// The content of a procedure.json, options unread: {"procedure": NAME, its options, "models": {NAME: FOLDER}}.
struct ProcedureFile {
  std::string json;                                     ///< all but "models", keys sorted
  std::map<std::string, std::filesystem::path> models;  ///< folders, relative ones joined to the file's own
  std::string where;                                    ///< for messages
};

/// The procedure.json of `folder`, else that of `base` (of an adapter); none when neither has one. Throws
/// Fault::checkpoint for a file that is no such object.
std::optional<ProcedureFile> find_procedure(const std::filesystem::path& folder, const std::filesystem::path& base);

/// The text of a procedure.json, with folders as given. Reading it gives an equal ProcedureFile.
std::string procedure_text(const std::string& json, const std::map<std::string, std::string>& models);

/// The procedure that {"procedure": NAME, ...} names; its maker reads every key. Throws Fault::config for an unknown
/// name or key, and when `models` are not those that the procedure asks for.
Procedure read_procedure(const ProcedureFile& file, const ProcedureBook& book);

}  // namespace touchstone
