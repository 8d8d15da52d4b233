#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/named_models.hpp"

namespace touchstone {
namespace {

constexpr const char* plain_procedure = "plain";

/// {"use": NAME, ...} of a recipe, as the text of procedure.json.
std::string file_json(const Options& asked) {
  const auto object = parse_json(asked.json(), asked.where());
  nlohmann::json file = nlohmann::json::object();
  for (const auto& [key, value] : object.items()) file[key == "use" ? "procedure" : key] = value;
  return file.dump();
}

/// The frozen models that the procedure uses, by the procedure's names for them.
std::map<std::string, std::string> read_models(Options& options) {
  std::map<std::string, std::string> models;
  const auto* given = options.any("models", "object: from name in the procedure to name of a frozen model", false);
  if (given == nullptr) return models;
  const auto where = options.where() + ": key 'models': ";
  require(given->is_object(), Fault::config,
          [&] { return where + "found " + shown_json(*given) + ", expected an object of names"; });
  for (const auto& [name, frozen] : given->items()) {
    require(frozen.is_string(), Fault::config, [&, &name = name] {
      return where + "found " + shown_json(frozen) + " under '" + name + "', expected the name of a frozen model";
    });
    models[name] = frozen.get<std::string>();
  }
  return models;
}

Stage make_procedure(Options& options, const TrainerBook& book) {
  const auto answer = options.child("answer", "a procedure, or {\"use\": NAME, ...} with its options; plain: none");
  const auto models = read_models(options);
  Stage stage;
  if (options.describing()) return stage;
  ProcedureFile file{.json = file_json(answer), .models = {}, .where = answer.where()};
  const bool none = parse_json(file.json, file.where).value("procedure", "") == plain_procedure;
  for (const auto& [name, frozen] : models) {
    file.models[name] = frozen;
    stage.needs.push_back(needs_model(frozen));
  }
  require(!none || models.empty(), Fault::config, [&] {
    return options.where() + ": key 'models': found some, expected none: plain answering asks no other model";
  });
  if (!none) read_procedure(file, book.procedures);
  file.models.clear();  // they are written by their names in the session
  stage.run = [file, models, none](Session& session) {
    for (const auto& [name, frozen] : models) {
      require(!session.frozen.at(frozen)->soft_prompt().defined(), Fault::config, [&, key = frozen] {
        return needs_model(key) + " has a soft prompt, expected whole weights where a procedure names it";
      });
    }
    session.procedure.reset();
    session.procedure_models = models;
    if (!none) session.procedure = file;
  };
  return stage;
}

}  // namespace

namespace plugins {
void procedure(TrainerBook& book) {
  book.stages.add("procedure", {.summary = "says how the trained model answers: procedure.json beside its weights",
                                .make = make_procedure});
}
}  // namespace plugins
}  // namespace touchstone
