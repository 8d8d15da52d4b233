#include "trainers/loops/answering.hpp"

#include <algorithm>

#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "harness/engine/generator.hpp"
#include "harness/engine/native_engine.hpp"
#include "harness/engine/open_engine.hpp"
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
  parts.end_tokens = end_tokens(session);
  parts.pictures = session.pictures;
  parts.settings.model = job.model;
  parts.settings.threads = job.threads;
  parts.info.family = session.checkpoints->family(job.model).name;
  parts.info.threads = job.threads;
  parts.info.max_length = model.max_length();
  return make_engine(std::move(parts));
}

std::vector<std::int64_t> end_tokens(const Session& session) {
  const auto& folder = session.job->model;
  return read_end_tokens(folder, session.checkpoints->base_folder(folder), *session.tokenizer,
                         session.model->vocabulary());
}

std::vector<std::vector<Generated>> go_on_from(const Session& session, std::span<const TokenPrompt> prompts) {
  const auto model = answering_copy(session, *session.model);
  std::vector<const Image*> images;
  for (const auto& prompt : prompts) images.insert(images.end(), prompt.pictures.begin(), prompt.pictures.end());
  std::optional<PictureBook> book;
  if (!images.empty()) book.emplace(*model, *session.pictures, images, session.job->threads, session.hooks->cancel);
  std::vector<const Generation*> requests;
  std::vector<Prompt> given;
  for (const auto& prompt : prompts) {
    Prompt one;
    one.tokens.assign(prompt.tokens.begin(), prompt.tokens.end());
    if (book) book->place(one.tokens, prompt.pictures, /*truncated=*/false);
    one.prompt_tokens = static_cast<int>(prompt.tokens.size());
    one.max_new_tokens = prompt.asked.max_new_tokens;
    given.push_back(std::move(one));
    requests.push_back(&prompt.asked);
  }
  const auto ends = end_tokens(session);
  const GeneratorSettings settings{.tokenizer = session.tokenizer.get(),
                                   .end_tokens = {ends.begin(), ends.end()},
                                   .end_text = {},
                                   .threads = session.job->threads,
                                   .soft = book ? &book->rows() : nullptr};
  EngineCounts counts;
  return generate(*model, requests, given, settings, counts, session.hooks->cancel, {});
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

Reward read_rule(Options& options, const TrainerBook& book) {
  auto rule =
      options.child("rule", "what an answer is worth: a reward, or {\"use\": NAME, ...} with its options", "task");
  return options.describing() ? Reward() : make_use(std::move(rule), book.rewards, book);
}

const Example& example_of(const Record& record) {
  require(record.example != nullptr, Fault::data,
          [&] { return "record '" + record.id + "' comes from no task, so nothing says what is right"; });
  return *record.example;
}

bool equals_target(const Example& example, const std::string& text) {
  return std::any_of(example.targets.begin(), example.targets.end(),
                     [&](const std::string& target) { return strip(target) == strip(text); });
}

}  // namespace touchstone
