#include "trainers/parts/answering.hpp"

#include <algorithm>

#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "harness/model/native_engine.hpp"
#include "harness/model/open_engine.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

Model& session_model(Session& session, const std::string& name) {
  return name.empty() ? *session.model : *session.frozen.at(name);
}

std::shared_ptr<Model> answering_copy(const Session& session, Model& model) {
  const auto& job = *session.job;
  const auto& checkpoints = *session.checkpoints;
  const auto folder = job.work / ("stage-" + std::to_string(session.stage)) / "answering";
  std::filesystem::create_directories(folder.parent_path());
  std::filesystem::remove_all(folder);  // of a run that was killed
  const auto linears = model.linears();
  const bool adapted =
      std::any_of(linears.begin(), linears.end(), [](const auto& entry) { return !entry.second->deltas.empty(); });
  checkpoints.write(folder, adapted ? *model.clone() : model, checkpoints.base_folder(job.model));
  const auto dtype = find_dtype(job.dtype);
  std::shared_ptr<Model> copy = checkpoints.load(
      folder, {.storage = dtype, .compute = dtype, .device = model.head().weight.device(), .answering = true});
  std::filesystem::remove_all(folder);
  return copy;
}

std::unique_ptr<Engine> session_engine(const Session& session, Model& model) {
  const auto& job = *session.job;
  EngineParts parts;
  parts.model = answering_copy(session, model);
  parts.tokenizer = session.tokenizer;
  parts.end_tokens =
      read_end_tokens(job.model, session.checkpoints->base_folder(job.model), *session.tokenizer, model.vocabulary());
  parts.pictures = session.pictures;
  parts.settings.model = job.model;
  parts.settings.threads = job.threads;
  parts.info.family = session.checkpoints->family(job.model).name;
  parts.info.threads = job.threads;
  parts.info.max_length = model.max_length();
  return make_engine(std::move(parts));
}

std::string context_of(const Session& session, const Record& record) {
  if (session.chat != nullptr) return session.chat->render(record.prompt, /*add_generation_prompt=*/true);
  return std::string(rstrip(plain_text(record.prompt)));
}

std::string answer_text(const Session& session, const Record& record, const std::string& written) {
  if (session.chat != nullptr) return std::string(strip(written));
  const auto whole = plain_text(record.prompt);
  const auto moved = whole.substr(rstrip(whole).size());
  return written.starts_with(moved) ? written.substr(moved.size()) : written;
}

std::string read_rule(Options& options) {
  return options.text(
      "rule",
      "task: as the benchmark scores it, or as equal where that asks for no written answer; equal: word "
      "for word one of the targets",
      {.fallback = "task", .choices = {"task", "equal"}});
}

double score_answer(const TrainJob& job, const Record& record, const std::string& text, const std::string& rule) {
  require(record.example != nullptr, Fault::data,
          [&] { return "record '" + record.id + "' comes from no task, so nothing says what is right"; });
  const auto& task = job.tasks->tasks.get(record.task);
  const AskSettings settings{.mode = job.mode, .chat = job.chat, .seed = job.seed};
  const auto requests = rule == "task" && task.ask ? task.ask(*record.example, "", settings) : std::vector<Request>();
  if (requests.size() != 1 || !std::holds_alternative<Generation>(requests.front())) {
    const auto& targets = record.example->targets;
    const auto equal = [&](const std::string& target) { return strip(target) == strip(text); };
    return std::any_of(targets.begin(), targets.end(), equal) ? 1.0 : 0.0;
  }
  auto shown = text;
  for (const auto& stop : std::get<Generation>(requests.front()).until) shown = shown.substr(0, shown.find(stop));
  Response response;
  response.generated.push_back({.text = shown, .logp_nats = {}, .finished = true});
  return task.judge(*record.example, std::span<const Response>(&response, 1), settings).score;
}

}  // namespace touchstone
