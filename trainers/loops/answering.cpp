#include "trainers/loops/answering.hpp"

#include <algorithm>
#include <set>

#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "harness/engine/generator.hpp"
#include "harness/engine/native_engine.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/soft_prompt.hpp"

namespace touchstone {
namespace {

/// The parameters of a model of this process, for a family to build another one from.
class LiveWeights final : public Weights {
 public:
  explicit LiveWeights(Model& model) : parameters_(model.parameters()) {}
  bool has(const std::string& name) const override { return parameters_.count(name) != 0; }
  Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const override {
    const auto found = parameters_.find(name);
    require(found != parameters_.end() && found->second->sizes() == shape, Fault::internal, [&] {
      return "the model has no weight '" + name + "' of shape " + c10::str(shape) + ", which its config.json describes";
    });
    // A copy, whatever the dtype: training goes on in the original.
    return found->second->detach().to(settings.device, settings.storage, /*non_blocking=*/false, /*copy=*/true);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& parameter : parameters_) all.push_back(parameter.first);
    return all;
  }

 private:
  std::map<std::string, Tensor*> parameters_;
};

}  // namespace

Model& session_model(Session& session, const std::string& name) {
  return name.empty() ? *session.model : *session.frozen.at(name);
}

std::shared_ptr<Model> answering_copy(const Session& session, Model& model) {
  const at::NoGradGuard no_gradients;
  const auto& job = *session.job;
  const auto linears = model.linears();
  const bool adapted =
      std::any_of(linears.begin(), linears.end(), [](const auto& entry) { return !entry.second->deltas.empty(); });
  const auto folded = adapted ? model.clone() : nullptr;
  auto& whole = adapted ? *folded : model;
  const auto dtype = find_dtype(job.dtype);
  const auto config = parse_json(whole.config_json(), "config.json");
  const std::string where = "the session's model";
  auto copy =
      session.checkpoints->family_of(config, where)
          .build(config, where, LiveWeights(whole),
                 {.storage = dtype, .compute = dtype, .device = model.head().weight.device(), .answering = true});
  const auto prompt = model.soft_prompt();
  if (prompt.defined()) copy = with_soft_prompt(std::move(copy), prompt.detach().clone());
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
  parts.info.family =
      session.checkpoints->family_of(parse_json(model.config_json(), "config.json"), "the session's model").name;
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
  return generate(*model, requests, given, settings, {counts, session.hooks->cancel});
}

std::string context_of(const Session& session, const Record& record) {
  if (session.chat != nullptr) return session.chat->render(record.prompt, /*add_generation_prompt=*/true, record.tools);
  return std::string(rstrip(plain_text(record.prompt)));
}

std::string answer_text(const Session& session, const Record& record, const std::string& written) {
  if (session.chat != nullptr) return std::string(strip(written));
  const auto whole = plain_text(record.prompt);
  const auto moved = whole.substr(rstrip(whole).size());
  return written.starts_with(moved) ? written.substr(moved.size()) : written;
}

Answer written_answer(const Session& session, const Record& record, const Generated& written) {
  Answer answer;
  answer.made_by = session.stage;
  answer.text = answer_text(session, record, written.text);
  answer.finished = written.finished;
  answer.ended = written.ended;
  for (const auto logp : written.logp_nats) answer.logp_nats += logp;
  const auto spelt = static_cast<std::ptrdiff_t>(written.ended ? written.tokens.size()
                                                               : static_cast<std::size_t>(written.text_tokens));
  // A picture token that the model drew has no picture; such an answer is tokenised again without it.
  const auto* pictures = session.reader();
  const bool places = pictures != nullptr && std::find(written.tokens.begin(), written.tokens.end(),
                                                       pictures->placeholder) != written.tokens.end();
  if (written.text_tokens >= 0 && !places) answer.drawn.assign(written.tokens.begin(), written.tokens.begin() + spelt);
  if (answer.drawn.empty()) answer.ended = false;
  return answer;
}

std::optional<Generation> asked_of(const TrainJob& job, const Record& record) {
  if (record.example == nullptr || job.tasks == nullptr || !job.tasks->tasks.has(record.task)) return std::nullopt;
  const auto& task = job.tasks->tasks.get(record.task);
  if (!task.ask) return std::nullopt;
  const auto requests = task.ask(*record.example, "", {.mode = job.mode, .chat = job.chat, .seed = job.seed});
  if (requests.size() != 1 || !std::holds_alternative<Generation>(requests.front())) return std::nullopt;
  return std::get<Generation>(requests.front());
}

StopTexts read_until(Options& options) {
  const auto* value = options.any("until",
                                  "list of stop texts, before which an answer is cut, in place of those of the task's "
                                  "own benchmark; []: none",
                                  /*required=*/false);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  const auto is_text = [](const Json& text) { return text.is_string() && !text.get_ref<const std::string&>().empty(); };
  require(value->is_array() && std::all_of(value->begin(), value->end(), is_text), Fault::config, [&] {
    return options.where() + ": key 'until': found " + shown_json(*value) + ", expected a list of texts";
  });
  for (const auto& text : *value) texts.push_back(text.get<std::string>());
  return texts;
}

std::vector<std::string> stops_of(const TrainJob& job, const Record& record, const StopTexts& until) {
  if (until) return *until;
  const auto asked = asked_of(job, record);
  return asked ? asked->until : std::vector<std::string>();
}

Json stops_json(const TrainJob& job, std::span<const Record> records, const StopTexts& until) {
  if (until) return {{"", *until}};
  std::map<std::string, std::set<std::string>> stops;  // for some tasks they depend on the item
  for (const auto& record : records) {
    for (auto& stop : stops_of(job, record, until)) stops[record.task].insert(std::move(stop));
  }
  return stops;
}

Reward read_rule(Options& options, const TrainerBook& book) {
  auto rule =
      options.child("rule", "the reward of an answer: its name, or {\"use\": NAME, ...} with its options", "task");
  return options.describing() ? Reward() : make_use(std::move(rule), book.rewards, book);
}

void refuse_unjudged(const Record& record) {
  throw Error(Fault::data,
              "record '" + record.id + "'" +
                  (record.example == nullptr ? ": comes from no task, so nothing says which answer is right"
                                             : ": no reward applies to its answer"));
}

double worth_of(const Reward& rule, const Judged& judged) {
  const auto worth = rule(judged);
  if (!worth) refuse_unjudged(judged.record);
  return *worth;
}

bool equals_target(const Example& example, const std::string& text) {
  return std::any_of(example.targets.begin(), example.targets.end(),
                     [&](const std::string& target) { return strip(target) == strip(text); });
}

}  // namespace touchstone
