#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

struct WeighOptions {
  std::string name;
  std::string from;
  std::string to;
  double weight = 0.0;
};

/// Marks each stretch of an answer from a `from` through the next `to`; gives their number.
std::int64_t mark(Answer& answer, const WeighOptions& options) {
  std::int64_t marked = 0;
  for (std::size_t at = 0; (at = answer.text.find(options.from, at)) != std::string::npos; ++marked) {
    const auto end = answer.text.find(options.to, at + options.from.size());
    if (end == std::string::npos) break;
    const auto last = end + options.to.size();
    answer.spans.push_back(
        {.first = static_cast<int>(at), .last = static_cast<int>(last), .weight = options.weight, .role = {}});
    at = last;
  }
  return marked;
}

void run_weigh(const WeighOptions& options, Session& session) {
  std::int64_t marked = 0;
  for (auto& record : session.data.at(options.name)) {
    for (auto& answer : record.answers) marked += mark(answer, options);
  }
  session.values["stretches"] = static_cast<double>(marked);
  if (marked == 0 && session.hooks->log != nullptr) {
    session.hooks->log->warn("no answer of data set '" + options.name + "' has a stretch from '" + options.from +
                             "' to '" + options.to + "': all count once");
  }
}

Stage make_weigh(Options& options, const TrainerBook&) {
  WeighOptions weigh;
  weigh.name = read_on(options);
  weigh.from = options.text("from", "text that such a stretch begins with");
  weigh.to = options.text("to", "text that ends it, the next one found");
  weigh.weight = options.number("weight", "weight of its tokens in the loss; 0: not trained",
                                {.fallback = 0.0, .min = 0.0, .max = 1e6});
  for (const auto& [key, text] : {std::pair("from", weigh.from), std::pair("to", weigh.to)}) {
    require(!text.empty() || options.describing(), Fault::config, [&, key = key] {
      return options.where() + ": key '" + key + "': found an empty text, expected one to look for";
    });
  }
  Stage stage;
  stage.needs.push_back(needs_data(weigh.name));
  stage.run = [weigh](Session& session) { run_weigh(weigh, session); };
  return stage;
}

}  // namespace

namespace plugins {
void weigh(TrainerBook& book) {
  book.stages.add("weigh", {.summary = "changes the loss weight of stretches of the answers between two texts",
                            .make = make_weigh});
}
}  // namespace plugins
}  // namespace touchstone
