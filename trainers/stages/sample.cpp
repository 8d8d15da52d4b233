#include <algorithm>
#include <set>

#include "harness/base/json.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/stage_progress.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/rows.hpp"

namespace touchstone {
namespace {

struct SampleOptions {
  std::string data;
  std::string model;
  Generation asked;
  StopTexts until;
  std::int64_t least = 1;
  bool replace = false;
  bool keep_repeats = false;
};

struct SampleCounts {
  double written = 0.0;
  double empty = 0.0;
  double repeated = 0.0;
  double unfinished = 0.0;
  double tokenised_again = 0.0;  ///< because a stop text began within a token, or a picture token was drawn
};

/// Adds what the model wrote to a record. False when it got too few new answers.
bool add_answers(const Session& session, const SampleOptions& options, Record& record, const Response& response,
                 SampleCounts& counts) {
  std::set<std::string> known;
  for (const auto& answer : record.answers) known.insert(answer.text);
  if (options.replace) record.answers.clear();
  std::int64_t added = 0;
  for (const auto& written : response.generated) {
    ++counts.written;
    if (!written.finished) ++counts.unfinished;
    auto answer = written_answer(session, record, written);
    if (answer.drawn.empty() && !answer.text.empty()) ++counts.tokenised_again;
    const bool empty = strip(answer.text).empty();
    const bool repeated = !options.keep_repeats && !known.insert(answer.text).second;
    if (empty) ++counts.empty;
    if (repeated) ++counts.repeated;
    if (empty || repeated) continue;
    record.answers.push_back(std::move(answer));
    ++added;
  }
  return added >= options.least;
}

void run_sample(const SampleOptions& options, Session& session) {
  auto& data = session.data.at(options.data);
  const auto engine = session_engine(session, session_model(session, options.model));
  std::vector<Request> requests;
  for (const auto& record : data) {
    auto asked = options.asked;
    asked.context = context_of(session, record);
    for (const auto& turn : record.prompt) {
      for (const auto& part : turn.parts) {
        if (const auto* media = std::get_if<Media>(&part)) asked.media.push_back(*media);  // the engine refuses by name
      }
    }
    asked.until = stops_of(*session.job, record, options.until);
    asked.keep_first_space = true;
    asked.seed = derive_seed(session.job->seed, "sample." + record.id);
    requests.emplace_back(std::move(asked));
  }
  StageProgress progress(session, requests.size(), "prompts answered");
  const auto responses = engine->answer(
      requests, [&](std::size_t done) { progress.at(done); }, session.hooks->cancel);
  SampleCounts counts;
  std::size_t at = 0;
  const auto before = data.size();
  std::erase_if(data, [&](Record& record) { return !add_answers(session, options, record, responses[at++], counts); });
  session.values = {{"rows", static_cast<double>(data.size())},
                    {"answers_written", counts.written},
                    {"answers_empty", counts.empty},
                    {"answers_repeated", counts.repeated},
                    {"answers_unfinished", counts.unfinished},
                    {"answers_tokenised_again", counts.tokenised_again},
                    {"rows_dropped", static_cast<double>(before - data.size())}};
  require(!data.empty() || responses.empty(), Fault::data, [&] {
    return needs_data(options.data) + ": the model wrote fewer than " + std::to_string(options.least) +
           " usable answers to every prompt (" + std::to_string(static_cast<std::int64_t>(counts.empty)) +
           " were empty, " + std::to_string(static_cast<std::int64_t>(counts.repeated)) + " repeated)";
  });
}

/// A description of the model, for the answers' origin.
std::string drawing_of(const SampleOptions& options, const Session& session) {
  const auto& asked = options.asked;
  Json drawing = {{"temperature", asked.temperature}, {"max_new_tokens", asked.max_new_tokens}};
  if (asked.temperature > 0.0) {
    drawing["top_p"] = asked.top_p;
    drawing["top_k"] = asked.top_k;
  }
  drawing["until"] = stops_json(*session.job, session.data.at(options.data), options.until);
  return drawing.dump();
}

Stage make_sample(Options& options, const TrainerBook&) {
  SampleOptions sample;
  sample.data = read_on(options);
  sample.model = options.text("model", "name of a frozen model; \"\": the model as it is now", {.fallback = ""});
  auto& asked = sample.asked;
  asked.samples = static_cast<int>(
      options.integer("answers", "answers written to each prompt", {.fallback = 1, .min = 1, .max = 1024}));
  asked.max_new_tokens = static_cast<int>(
      options.integer("max_new_tokens", "tokens of an answer, at most", {.fallback = 256, .min = 1, .max = 1 << 20}));
  asked.temperature = options.number("temperature", "sampling temperature; 0: greedy, so only one answer",
                                     {.fallback = 1.0, .min = 0.0, .max = 100.0});
  asked.top_p = options.number("top_p", "tokens are drawn from the likeliest with this share of the probability",
                               {.fallback = 1.0, .min = 1e-6, .max = 1.0});
  asked.top_k = static_cast<int>(options.integer("top_k", "likeliest tokens that are drawn from; 0: all",
                                                 {.fallback = 0, .min = 0, .max = 1 << 30}));
  sample.until = read_until(options);
  sample.least = options.integer("least", "rows with fewer usable new answers are left out; 0: none is",
                                 {.fallback = 1, .min = 0, .max = 1024});
  sample.replace = options.flag("replace", "remove the answers that the rows had", false);
  sample.keep_repeats = options.flag("keep_repeats", "keep a new answer that the row has already", false);
  Stage stage;
  stage.needs.push_back(needs_data(sample.data));
  if (!sample.model.empty()) stage.needs.push_back("frozen model '" + sample.model + "'");
  stage.making = {.data = sample.data, .by = sample.model, .drawing = [sample](const Session& session) {
                    return drawing_of(sample, session);
                  }};
  stage.run = [sample](Session& session) { run_sample(sample, session); };
  return stage;
}

}  // namespace

namespace plugins {
void sample(TrainerBook& book) {
  book.stages.add("sample",
                  {.summary = "adds the model's own answers to the prompts of a data set", .make = make_sample});
}
}  // namespace plugins
}  // namespace touchstone
