#include <algorithm>

#include "harness/base/draws.hpp"
#include "harness/base/text.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/text/mutations.hpp"

namespace touchstone {
namespace {

struct MutateOptions {
  std::string data;
  std::vector<std::string> kinds;
  std::int64_t variants = 4;
};

void run_mutate(const MutateOptions& options, Session& session) {
  auto& data = session.data.at(options.data);
  double made = 0.0;
  double none = 0.0;
  for (auto& record : data) {
    if (record.answers.empty()) continue;
    std::string context;
    for (const auto& turn : record.prompt) context += text_of(turn) + "\n";
    Draws draws(session.job->seed, "mutate." + record.id);
    const auto texts = mutations(record.answers.front().text, context, options.kinds,
                                 static_cast<std::size_t>(options.variants), draws);
    for (const auto& text : texts) {
      record.answers.emplace_back();
      record.answers.back().text = text;
      record.answers.back().made_by = session.stage;
    }
    made += static_cast<double>(texts.size());
    if (texts.empty()) ++none;
  }
  session.values = {
      {"rows", static_cast<double>(data.size())}, {"variants_made", made}, {"rows_without_variant", none}};
  require(made > 0.0 || data.empty(), Fault::data, [&] {
    return needs_data(options.data) + ": no answer has a place for a fault of kind " + join(options.kinds, ", ");
  });
}

Stage make_mutate(Options& options, const TrainerBook&) {
  MutateOptions mutate;
  mutate.data = read_on(options);
  mutate.kinds = options.texts(
      "kinds", "faults: operator, number, boundary, variable, step (a worked step and all after it)", mutation_kinds());
  for (const auto& kind : mutate.kinds) {
    require(
        std::find(mutation_kinds().begin(), mutation_kinds().end(), kind) != mutation_kinds().end(), Fault::config,
        [&] { return options.where() + ": key 'kinds': " + unknown_name("kind of fault", kind, mutation_kinds()); });
  }
  mutate.variants = options.integer("variants", "wrong variants of each row's first answer, added behind its answers",
                                    {.fallback = 4, .min = 1, .max = 1024});
  Stage stage;
  stage.needs.push_back(needs_data(mutate.data));
  stage.making = {.data = mutate.data};
  stage.run = [mutate](Session& session) { run_mutate(mutate, session); };
  return stage;
}

}  // namespace

namespace plugins {
void mutate(TrainerBook& book) {
  book.stages.add("mutate", {.summary = "adds variants of each row's answer with one fault each, to be judged wrong",
                             .make = make_mutate});
}
}  // namespace plugins
}  // namespace touchstone
