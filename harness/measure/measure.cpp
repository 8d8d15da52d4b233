#include "harness/measure/measure.hpp"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/regex.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/base/text.hpp"
#include "harness/data/catalogue.hpp"
#include "harness/measure/accuracy.hpp"
#include "harness/measure/metric.hpp"
#include "harness/model/procedure.hpp"

namespace touchstone {
namespace {

struct NamedKind {
  Warning::Kind kind;
  const char* name;
};
constexpr NamedKind warning_kinds[] = {
    {Warning::Kind::data, "data"},           {Warning::Kind::shots, "shots"},
    {Warning::Kind::prompt, "prompt"},       {Warning::Kind::cut_prompts, "cut_prompts"},
    {Warning::Kind::procedure, "procedure"}, {Warning::Kind::unfinished, "unfinished"}};

/// The state of one task during a measurement.
struct Work {
  const Task* task = nullptr;
  TaskMeasure result;
  std::vector<Example> examples;                   ///< the examples that are measured
  std::vector<std::vector<std::string>> contexts;  ///< one list for each prompt of the procedure, in it one an example
  std::size_t first_request = 0;
  std::vector<std::size_t> requests;  ///< number of requests of each example
};

/// The answers to all examples of all tasks, in their order.
struct Answers {
  std::vector<Request> requests;    ///< of the first prompt
  std::vector<Response> responses;  ///< one each
  /// Additions of a procedure, one an example; empty: the requests were asked without a procedure.
  std::vector<Answered> answered{};
  std::vector<std::int64_t> forward_tokens{};
  std::vector<std::int64_t> cache_bytes{};
};

/// The leaf tasks of all names, each once, in order of first mention.
std::vector<std::string> leaves_of(const MeasureSettings& settings, const TaskBook& book) {
  require(!settings.tasks.empty(), Fault::config, "no task is named, expected at least one");
  std::vector<std::string> leaves;
  std::set<std::string> seen;
  for (const auto& name : settings.tasks) {
    for (auto& leaf : book.expand(name)) {
      if (seen.insert(leaf).second) leaves.push_back(std::move(leaf));
    }
  }
  return leaves;
}

/// The named groups and the groups inside them, outermost first.
void collect_groups(const TaskBook& book, const std::string& name, std::vector<std::string>& groups) {
  if (!book.groups.has(name) || std::find(groups.begin(), groups.end(), name) != groups.end()) return;
  groups.push_back(name);
  for (const auto& member : book.groups.get(name).members) collect_groups(book, member, groups);
}

bool has_subject(const Task& task, const Example& example, const std::vector<std::string>& subjects) {
  if (subjects.empty()) return true;
  const auto own = example.facts.find("subject");
  return std::any_of(subjects.begin(), subjects.end(), [&](const std::string& wanted) {
    return wanted == task.name || (own != example.facts.end() && wanted == own->second);
  });
}

/// How many of `all` documents remain under a limit: a share if it is below 1, otherwise a number.
std::size_t limited(double limit, std::size_t all) {
  if (limit <= 0) return all;
  const double wanted = limit < 1 ? std::ceil(limit * static_cast<double>(all)) : std::floor(limit);
  return wanted >= static_cast<double>(all) ? all : static_cast<std::size_t>(wanted);
}

std::string nothing_left(const MeasureSettings& settings) {
  return "no example of " + join(settings.tasks, ", ") + " is left" +
         (settings.subjects.empty() ? "" : " by the subjects " + join(settings.subjects, ", ")) +
         (settings.filter.empty() ? "" : " by the filter '" + settings.filter + "'");
}

std::optional<Regex> filter_of(const MeasureSettings& settings) {
  if (settings.filter.empty()) return std::nullopt;
  try {
    return Regex(settings.filter);
  } catch (const Error& error) {
    throw Error(Fault::config, std::string("filter: ") + error.what());
  }
}

/// Indices of the examples that remain after subjects, filter and limit.
std::vector<std::size_t> chosen(const Task& task, const std::vector<Example>& examples,
                                const MeasureSettings& settings) {
  std::vector<std::size_t> indices;
  const auto filter = filter_of(settings);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (has_subject(task, examples[i], settings.subjects) && (!filter || filter->search(examples[i].id))) {
      indices.push_back(i);
    }
  }
  indices.resize(limited(settings.limit, indices.size()));
  return indices;
}

std::string with_instruction(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + "\n\n" + second;
}

PromptSettings prompt_settings(const MeasureSettings& settings, const PromptVariant& variant, const ChatTemplate* chat,
                               Work& work) {
  PromptSettings prompts{.shots = settings.shots,
                         .fewshot_seed = settings.seed + static_cast<std::uint64_t>(variant.shot_draw),
                         .system_instruction = with_instruction(settings.system_instruction, variant.instruction),
                         .chat = {},
                         .multiturn = settings.multiturn,
                         .mode = settings.mode,
                         .warn = [&work](const std::string& line) {
                           work.result.warnings.push_back({Warning::Kind::prompt, line});
                         }};
  if (chat != nullptr) {
    prompts.chat = [chat](const Dialog& dialog, bool add_generation_prompt) {
      return chat->render(dialog, add_generation_prompt);
    };
  }
  return prompts;
}

/// Loads a task's examples and writes their prompts.
void prepare(Work& work, const MeasureSettings& settings, const DataFolders& data, const ChatTemplate* chat,
             const std::vector<PromptVariant>& prompts) {
  const Task& task = *work.task;
  auto& result = work.result;
  result.task = task.name;
  result.family = task.family;
  result.version = task.version;
  result.shots = shots_of(task, settings.shots);
  auto identity = data_identity(task, data, settings);
  result.data_hash = std::move(identity.hash);
  result.data_origin = std::move(identity.origin);
  result.warnings = std::move(identity.warnings);
  if (settings.shots >= 0 && settings.shots != result.shots) {
    result.warnings.push_back({Warning::Kind::shots, task.name + ": asked with " + std::to_string(result.shots) +
                                                         " shots, not " + std::to_string(settings.shots) +
                                                         ": the task fixes their number"});
  }
  auto examples = examples_of(task, settings, data);
  result.documents = static_cast<std::int64_t>(examples.size());
  require(!examples.empty(), Fault::data, [&] {
    return task.name + ": found no example in its " + split_name(settings.split_of(task)) + " data (" +
           result.data_origin + "), expected at least one";
  });
  const auto indices = chosen(task, examples, settings);
  if (indices.empty()) return;
  std::vector<Example> pool;
  if (result.shots > 0 && task.format.shots_from) pool = task.load(*task.format.shots_from, data);
  // Shots are drawn document after document, so prompts before a chosen one are written too: it then gets the same
  // prompt as in a whole run.
  examples.resize(indices.back() + 1);
  for (const auto& variant : prompts) {
    auto contexts = build_contexts(task, examples, pool, prompt_settings(settings, variant, chat, work));
    auto& own = work.contexts.emplace_back();
    for (const auto index : indices) own.push_back(std::move(contexts[index]));
  }
  for (const auto index : indices) work.examples.push_back(std::move(examples[index]));
}

AskSettings ask_settings(const MeasureSettings& settings) {
  return {.mode = settings.mode, .chat = settings.chat, .seed = settings.seed};
}

/// How all examples of a measurement are asked.
struct Asking {
  AskSettings settings;
  /// Ends a turn of the prompt's chat template, and so an answer, beside the checkpoint's own end tokens; empty:
  /// nothing.
  std::string turn_end;
};

/// The requests of an example.
std::vector<Request> requests_of(const Task& task, const Example& example, const std::string& context,
                                 const Asking& asking) {
  auto requests = task.ask(example, context, asking.settings);
  for (auto& request : requests) {
    auto* generation = std::get_if<Generation>(&request);
    if (generation == nullptr) continue;
    generation->keep_first_space = asking.settings.mode == Mode::fixed;
    if (!asking.turn_end.empty()) generation->until.push_back(asking.turn_end);
  }
  return requests;
}

/// All requests of the first prompt, in order of tasks, examples, choices. Also fills in where each example's requests
/// are.
std::vector<Request> collect(std::vector<Work>& works, const Asking& asking) {
  std::vector<Request> requests;
  for (auto& work : works) {
    work.first_request = requests.size();
    for (std::size_t i = 0; i < work.examples.size(); ++i) {
      auto own = requests_of(*work.task, work.examples[i], work.contexts.front()[i], asking);
      require(!own.empty(), Fault::internal, [&] { return work.examples[i].id + ": asks nothing"; });
      work.requests.push_back(own.size());
      std::move(own.begin(), own.end(), std::back_inserter(requests));
    }
  }
  return requests;
}

/// The right answer as the reference prints it: a choice's index, or the text.
std::string reference_target(const Example& example) {
  const auto own = example.facts.find("reference_target");
  if (own != example.facts.end()) return own->second;
  if (!example.choices.empty() && !example.gold.empty()) return std::to_string(example.gold.front());
  return example.targets.empty() ? "" : example.targets.front();
}

void keep_responses(Sample& sample, const Example& example, std::span<const Request> requests,
                    std::span<const Response> responses) {
  for (std::size_t i = 0; i < responses.size(); ++i) {
    const auto& response = responses[i];
    sample.prompt_tokens = std::max(sample.prompt_tokens, response.prompt_tokens);
    sample.truncated_tokens = std::max(sample.truncated_tokens, response.truncated_tokens);
    sample.forward_tokens += response.forward_tokens;
    sample.cache_bytes += response.cache_bytes;
    if (std::holds_alternative<Likelihood>(requests[i]) && i < example.choices.size()) {
      sample.choice_logp.push_back(response.logp_nats);
      sample.choice_greedy.push_back(response.greedy);
    }
    for (const auto& generated : response.generated) {
      sample.responses.push_back(generated.text);
      sample.generated_tokens += static_cast<int>(generated.logp_nats.size());
      sample.finished = sample.finished && generated.finished;
    }
  }
  if (!sample.choice_logp.empty()) sample.responses = example.choices;
}

/// Keeps the texts that a procedure considered, and the cost of all its requests.
void keep_procedure(Sample& sample, const Answers& answers, std::size_t number) {
  if (answers.answered.empty()) return;
  const auto& answered = answers.answered[number];
  sample.responses.insert(sample.responses.end(), answered.considered.begin(), answered.considered.end());
  sample.forward_tokens = answers.forward_tokens[number];
  sample.cache_bytes = answers.cache_bytes[number];
  auto& detail = sample.verdict.detail;
  if (!answered.detail.empty()) detail += (detail.empty() ? "" : "; ") + answered.detail;
}

Sample judged(const Task& task, const Example& example, std::string context, std::span<const Request> requests,
              std::span<const Response> responses, const AskSettings& asking) {
  Sample sample;
  sample.example_id = example.id;
  sample.doc_hash = example.doc_hash;
  // What was asked is text and media: equal texts about different pictures are different prompts.
  auto asked = context;
  for (const auto& media : example.media) asked += '\n' + media_hash(media);
  sample.prompt_hash = sha256(asked);
  sample.target_hash = sha256(reference_target(example));
  sample.prompt = std::move(context);
  sample.target = example.targets.empty() ? reference_target(example) : example.targets.front();
  if (!example.choices.empty()) sample.gold = example.gold;
  const auto cluster = example.facts.find(task.cluster_fact);
  if (cluster != example.facts.end()) sample.cluster = cluster->second;
  keep_responses(sample, example, requests, responses);
  sample.verdict = task.judge(example, responses, asking);
  return sample;
}

/// The warning about prompts that did not fit.
void warn_of_truncation(TaskMeasure& result) {
  const auto cut = std::count_if(result.samples.begin(), result.samples.end(),
                                 [](const Sample& sample) { return sample.truncated_tokens > 0; });
  if (cut == 0) return;
  result.warnings.push_back({Warning::Kind::cut_prompts,
                             result.task + ": " + std::to_string(cut) + " of " + std::to_string(result.samples.size()) +
                                 " prompts are longer than the model's context and were cut on the left"});
}

/// The warning about answers cut by the limit of new tokens: most of them count as wrong.
void warn_of_unfinished(TaskMeasure& result) {
  std::size_t cut = 0;
  std::size_t wrong = 0;
  for (const auto& sample : result.samples) {
    if (sample.finished) continue;
    ++cut;
    if (!sample.verdict.correct) ++wrong;
  }
  if (cut == 0) return;
  result.warnings.push_back({Warning::Kind::unfinished, result.task + ": " + std::to_string(cut) + " of " +
                                                            std::to_string(result.samples.size()) +
                                                            " answers met the limit of new tokens before they ended; " +
                                                            std::to_string(wrong) + " of these count as wrong"});
}

/// The warning about questions where a procedure could not be followed.
void warn_of_declined(TaskMeasure& result, std::span<const Answered> answered) {
  std::map<std::string, std::size_t> reasons;
  for (const auto& one : answered) {
    if (!one.declined.empty()) ++reasons[one.declined];
  }
  for (const auto& [reason, count] : reasons) {
    result.warnings.push_back({Warning::Kind::procedure,
                               result.task + ": " + std::to_string(count) + " of " + std::to_string(answered.size()) +
                                   " questions were answered without the model's procedure: " + reason});
  }
}

/// Judges every example of every task in parallel. Results are placed by index, so the order of completion is free.
void judge_all(std::vector<Work>& works, const Answers& answers, const MeasureSettings& settings,
               const CancelFlag* cancel) {
  const auto asking = ask_settings(settings);
  const std::span<const Request> requests = answers.requests;
  const std::span<const Response> responses = answers.responses;
  std::size_t number = 0;
  for (auto& work : works) {
    std::vector<std::size_t> first(work.examples.size());
    std::exclusive_scan(work.requests.begin(), work.requests.end(), first.begin(), work.first_request);
    work.result.samples.resize(work.examples.size());
    tbb::parallel_for(std::size_t{0}, work.examples.size(), [&](std::size_t i) {
      if (cancel != nullptr) cancel->check();
      work.result.samples[i] =
          judged(*work.task, work.examples[i], std::move(work.contexts.front()[i]),
                 requests.subspan(first[i], work.requests[i]), responses.subspan(first[i], work.requests[i]), asking);
      keep_procedure(work.result.samples[i], answers, number + i);
    });
    warn_of_truncation(work.result);
    warn_of_unfinished(work.result);
    if (!answers.answered.empty()) {
      warn_of_declined(work.result, std::span(answers.answered).subspan(number, work.examples.size()));
    }
    number += work.examples.size();
    work.result.scores = task_scores(*work.task, work.result.samples);
  }
}

/// Asks an engine; `before` requests were answered earlier.
std::vector<Response> ask_engine(Engine& engine, std::span<const Request> requests, const MeasureProgress& progress,
                                 std::size_t before, const CancelFlag* cancel) {
  const auto done = [&](std::size_t finished) {
    if (progress.requests) progress.requests(before + finished, before + requests.size());
  };
  done(0);
  auto responses = engine.answer(requests, done, cancel);
  require(responses.size() == requests.size(), Fault::internal, [&] {
    return "the engine gave " + std::to_string(responses.size()) + " answers to " + std::to_string(requests.size()) +
           " requests";
  });
  done(requests.size());
  return responses;
}

/// The examples in the form a procedure takes, with the requests of every prompt.
std::vector<Question> questions_of(const std::vector<Work>& works, const Asking& asking) {
  std::vector<Question> questions;
  for (const auto& work : works) {
    for (std::size_t i = 0; i < work.examples.size(); ++i) {
      Question question{.task = work.task, .example = &work.examples[i], .requests = {}, .asking = asking.settings};
      for (const auto& contexts : work.contexts) {
        question.requests.push_back(requests_of(*work.task, work.examples[i], contexts[i], asking));
      }
      questions.push_back(std::move(question));
    }
  }
  return questions;
}

/// Lets a procedure answer all examples. Each of its requests is counted for the question that it serves.
void answer_by(const Procedure& procedure, const std::vector<Work>& works, const Asking& asking, Answers& answers,
               Engine& engine, const MeasureProgress& progress, const CancelFlag* cancel) {
  const auto questions = questions_of(works, asking);
  answers.forward_tokens.assign(questions.size(), 0);
  answers.cache_bytes.assign(questions.size(), 0);
  std::size_t before = 0;
  const auto ask = [&](const std::vector<Asked>& asked, const std::string& model) {
    Engine* asked_one = model.empty() ? &engine : engine.other(model);
    require(asked_one != nullptr, Fault::internal, [&] { return "a procedure asks a model '" + model + "' unnamed"; });
    std::vector<Request> requests;
    for (const auto& one : asked) requests.push_back(one.request);
    auto responses = ask_engine(*asked_one, requests, progress, before, cancel);
    before += requests.size();
    for (std::size_t i = 0; i < asked.size(); ++i) {
      answers.forward_tokens.at(asked[i].question) += responses[i].forward_tokens;
      answers.cache_bytes.at(asked[i].question) += responses[i].cache_bytes;
    }
    return responses;
  };
  answers.answered = procedure.answer(questions, ask);
  require(answers.answered.size() == questions.size(), Fault::internal, "a procedure did not answer every question");
  for (std::size_t at = 0; at < questions.size(); ++at) {
    auto& own = answers.answered[at].responses;
    require(own.size() == questions[at].requests.front().size(), Fault::internal,
            [&] { return questions[at].example->id + ": a procedure did not answer every request"; });
    std::move(own.begin(), own.end(), std::back_inserter(answers.responses));
  }
}

/// Throws for a metric that one of the tasks cannot have, before anything is answered.
void check_metrics(const std::vector<Work>& works, const Answers& answers, const MeasureSettings& settings,
                   const Engine* reference) {
  if (settings.metrics.empty()) return;
  require(reference != nullptr || !compares(settings), Fault::config,
          "a metric compares with a reference model, and none is given");
  for (const auto& work : works) {
    metric_specs(settings, *work.task, work.examples,
                 std::span(answers.requests).subspan(work.first_request, work.requests.front()));
  }
}

/// The metrics beside the benchmarks' own, task by task.
void measure_further(std::vector<Work>& works, const Answers& answers, const MetricTools& tools) {
  if (tools.settings.metrics.empty()) return;
  for (auto& work : works) {
    std::vector<MetricItem> items;
    auto first = work.first_request;
    for (std::size_t i = 0; i < work.examples.size(); ++i) {
      items.push_back({.example = &work.examples[i],
                       .requests = std::span(answers.requests).subspan(first, work.requests[i]),
                       .responses = std::span(answers.responses).subspan(first, work.requests[i]),
                       .verdict = &work.result.samples[i].verdict});
      first += work.requests[i];
    }
    measure_metrics(*work.task, work.examples, items, tools, work.result);
  }
}

std::vector<GroupMeasure> group_all(const std::vector<Work>& works, const MeasureSettings& settings,
                                    const TaskBook& book) {
  std::vector<std::string> names;
  for (const auto& name : settings.tasks) collect_groups(book, name, names);
  std::vector<GroupMeasure> groups;
  for (const auto& name : names) {
    std::vector<const TaskMeasure*> leaves;
    for (const auto& leaf : book.expand(name)) {
      for (const auto& work : works) {
        if (work.task->name == leaf) leaves.push_back(&work.result);
      }
    }
    auto group = group_scores(book.groups.get(name), leaves);
    if (!group.scores.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<Work> prepare_all(const MeasureSettings& settings, const TaskBook& book, const DataFolders& data,
                              const ChatTemplate* chat, const std::vector<PromptVariant>& prompts) {
  const auto leaves = leaves_of(settings, book);
  std::vector<Work> works(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    works[i].task = &book.tasks.get(leaves[i]);
    works[i].result.benchmark = book.benchmark(leaves[i]);
  }
  tbb::parallel_for(std::size_t{0}, works.size(),
                    [&](std::size_t i) { prepare(works[i], settings, data, chat, prompts); });
  std::erase_if(works, [](const Work& work) { return work.examples.empty(); });
  require(!works.empty(), Fault::config, [&] { return nothing_left(settings); });
  return works;
}

}  // namespace

const char* warning_kind_name(Warning::Kind kind) {
  for (const auto& one : warning_kinds) {
    if (one.kind == kind) return one.name;
  }
  return "";
}

Warning::Kind warning_kind(const std::string& name) {
  for (const auto& one : warning_kinds) {
    if (name == one.name) return one.kind;
  }
  throw Error(Fault::store, "warning: found the kind '" + name +
                                "', expected data, shots, prompt, cut_prompts, procedure or unfinished");
}

std::vector<std::string> measured_tasks(const MeasureSettings& settings, const TaskBook& book,
                                        const DataFolders& data) {
  auto leaves = leaves_of(settings, book);
  if (settings.subjects.empty() && settings.filter.empty()) return leaves;
  std::set<std::string> subjects;  // for messages; a leaf may also be named by itself, but is listed once
  std::set<std::string> accepted;
  std::erase_if(leaves, [&](const std::string& leaf) {
    const Task& task = book.tasks.get(leaf);
    const auto examples = examples_of(task, settings, data);
    std::set<std::string> own;
    for (const auto& example : examples) {
      const auto subject = example.facts.find("subject");
      if (subject != example.facts.end()) own.insert(subject->second);
    }
    if (own.empty()) own.insert(leaf);
    accepted.insert(leaf);
    accepted.insert(own.begin(), own.end());
    subjects.merge(own);
    return chosen(task, examples, settings).empty();
  });
  for (const auto& wanted : settings.subjects) {
    require(accepted.count(wanted) != 0, Fault::config, [&] {
      const std::vector<std::string> all(accepted.begin(), accepted.end());
      const std::vector<std::string> listed(subjects.begin(), subjects.end());
      return unknown_name("subject", wanted, nearest_name(wanted, all).empty() ? listed : all);
    });
  }
  require(!leaves.empty(), Fault::config, [&] { return nothing_left(settings); });
  return leaves;
}

Measurement measure(const MeasureSettings& settings, const TaskBook& book, const DataFolders& data, Engine& engine,
                    const MeasureProgress& progress, const CancelFlag* cancel, Engine* reference) {
  const Stopwatch watch;
  const ChatTemplate* chat = settings.chat ? engine.chat_template() : nullptr;
  require(!settings.chat || chat != nullptr, Fault::config,
          "--chat needs a chat template, which the checkpoint does not have");
  const auto* procedure = engine.procedure();
  auto works = prepare_all(settings, book, data, chat, procedure == nullptr ? Procedure().prompts : procedure->prompts);
  Answers answers;
  const Asking asking{.settings = ask_settings(settings),
                      .turn_end = settings.chat ? engine.turn_end() : std::string()};
  answers.requests = collect(works, asking);
  check_metrics(works, answers, settings, reference);
  if (cancel != nullptr) cancel->check();
  if (procedure != nullptr && procedure->answer) {
    answer_by(*procedure, works, asking, answers, engine, progress, cancel);
  } else {
    answers.responses = ask_engine(engine, answers.requests, progress, 0, cancel);
  }
  judge_all(works, answers, settings, cancel);
  measure_further(works, answers,
                  {.engine = engine,
                   .reference = compares(settings) ? reference : nullptr,
                   .settings = settings,
                   .asking = asking.settings,
                   .cancel = cancel});
  Measurement measurement;
  measurement.groups = group_all(works, settings, book);
  for (auto& work : works) {
    if (progress.task && !work.result.scores.empty()) progress.task(work.task->name, work.result.scores.front());
    measurement.tasks.push_back(std::move(work.result));
  }
  measurement.seconds = watch.seconds();
  return measurement;
}

std::string measure_key(const EngineInfo& engine, const std::string& task, const std::string& task_version,
                        const std::string& data_hash, const MeasureSettings& settings) {
  // All parts are in a JSON list, so that no two different sets of parts give the same text.
  const Json parts = {"measure 2",
                      engine.model_hash,
                      engine.config_hash,
                      engine.tokenizer_hash,
                      settings.chat ? engine.template_hash : "",
                      engine.family,
                      engine.device.substr(0, engine.device.find(':')),
                      engine.dtype,
                      engine.kernels,
                      engine.max_length,
                      task,
                      task_version,
                      data_hash,
                      settings_json(settings)};
  return sha256(parts.dump());
}

namespace {

/// The warning that a score's reader needs about a file; empty: none. Throws Fault::data for a file that was changed.
std::string remark(const Task& task, const DataFile& file, const FoundFile& found, const FileCheck& check) {
  const auto path = found.path().string();
  require(check.state != FileState::changed, Fault::data, [&] {
    return task.name + ": " + path + " was changed after it was put there: its SHA-256 begins with " +
           check.sha256.substr(0, 12) +
           ", not as in the MANIFEST.json of its folder; import it again, or remove its entry " +
           "from MANIFEST.json to use it as it is";
  });
  if (check.state == FileState::listed) {
    return task.name + ": " + path + " is a sample or an import, not the published file (" + file.origin + ")";
  }
  if (check.state == FileState::differs) {
    return task.name + ": " + path + " is not the published file (SHA-256 " + check.sha256.substr(0, 12) +
           "..., published " + file.sha256.substr(0, 12) + "...)";
  }
  return {};
}

/// For a task that makes its examples itself: the hash is over the examples, whatever made them.
DataIdentity made_identity(const Task& task, const DataFolders& data, const MeasureSettings& settings) {
  Sha256 all;
  const auto scored = settings.split_of(task);
  std::set<Split> splits = {task.evaluated, task.trained, scored};
  if (task.format.shots_from) splits.insert(*task.format.shots_from);
  for (const auto split : splits) {
    for (const auto& example : split == scored ? examples_of(task, settings, data) : task.load(split, data)) {
      all.add(std::string(split_name(split)) + ":" + example.id + ":" + example.doc_hash + "\n");
    }
  }
  return {.hash = all.hex(), .origin = "made by the program"};
}

}  // namespace

std::vector<MeasureSettings> measured_with(std::vector<MeasureSettings> measure_on, std::uint64_t seed) {
  for (auto& settings : measure_on) {
    if (settings.fresh) settings.question_seed = seed;
  }
  return measure_on;
}

std::vector<Example> examples_of(const Task& task, const MeasureSettings& settings, const DataFolders& data) {
  if (settings.question_seed == 0) return task.load(settings.split_of(task), data);
  require(static_cast<bool>(task.draw), Fault::config, [&] {
    return task.name + " has its own questions alone; seeds draw others for tasks that the program makes by chance, " +
           "such as micro-gsm8k";
  });
  return task.draw(settings.split_of(task), settings.question_seed);
}

DataIdentity data_identity(const Task& task, const DataFolders& data, const MeasureSettings& settings) {
  const auto asked = settings.split_of(task);
  if (task.files.empty()) return made_identity(task, data, settings);
  DataIdentity identity;
  Sha256 all;
  std::set<std::string> places;
  std::set<std::string> roots;
  for (const auto& file : task.files) {
    const bool scored = file.split == asked || file.split == task.format.shots_from;
    const auto found = data.look_for(file);
    if (!found && scored) data.find(task.name, file);  // throws, with the full explanation
    if (!found) continue;
    const auto check = check_file(file, *found);
    all.add(std::string(split_name(file.split)) + ":" + check.sha256 + "\n");
    places.insert(found->path().parent_path().string());
    if (scored) roots.insert(found->folder.string());
    if (const auto named = data.passed_over(*found)) {
      identity.warnings.push_back({Warning::Kind::data, task.name + ": " + named->string() + " does not hold " +
                                                            found->relative.string() + "; " + found->path().string() +
                                                            " is used"});
    }
    if (auto line = remark(task, file, *found, check); !line.empty()) {
      identity.warnings.push_back({Warning::Kind::data, std::move(line)});
    }
  }
  if (roots.size() > 1) {
    identity.warnings.push_back(
        {Warning::Kind::data, task.name + ": questions and shots come from different data folders: " +
                                  join(std::vector<std::string>(roots.begin(), roots.end()), ", ")});
  }
  identity.hash = all.hex();
  identity.origin = join(std::vector<std::string>(places.begin(), places.end()), ", ");
  return identity;
}

std::string task_data_hash(const Task& task, const DataFolders& data, const MeasureSettings& settings) {
  return data_identity(task, data, settings).hash;
}

std::string settings_json(const MeasureSettings& settings) {
  nlohmann::json json;  // sorts its keys
  json["shots"] = settings.shots;
  json["limit"] = settings.limit;
  json["seed"] = settings.seed;
  json["mode"] = settings.mode == Mode::compat ? "compat" : "fixed";
  json["chat"] = settings.chat;
  json["multiturn"] = settings.multiturn;
  json["system_instruction"] = settings.system_instruction;
  json["subjects"] = settings.subjects;
  json["filter"] = settings.filter;
  // Keys that older settings do not have are left out where they say nothing, so that stored measures are found.
  for (const auto& metric : settings.metrics) {
    auto entry = nlohmann::json::parse(metric.options);
    entry["use"] = metric.name;
    json["metrics"].push_back(std::move(entry));
  }
  if (!settings.reference.empty()) json["reference"] = settings.reference;
  if (settings.split)
    json["split"] = split_name(*settings.split);  // absent: settings stored by older programs are equal
  return json.dump();
}

}  // namespace touchstone
