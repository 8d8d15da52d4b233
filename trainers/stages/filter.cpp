#include <algorithm>
#include <set>

#include "harness/base/text.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

struct FilterOptions {
  std::string name;
  std::int64_t min_answer = 0;
  std::int64_t max_answer = 0;
  bool drop_repeats = false;
};

void run_filter(const FilterOptions& options, Session& session) {
  std::set<std::pair<std::string, std::string>> seen;
  const auto wanted = [&](const Record& record) {
    const auto& answer = record.answers.front().text;
    const auto length = static_cast<std::int64_t>(code_points(answer));
    if (length < options.min_answer || (options.max_answer > 0 && length > options.max_answer)) return false;
    std::string prompt;
    for (const auto& turn : record.prompt) prompt += text_of(turn) + '\n';
    return !options.drop_repeats || seen.emplace(std::move(prompt), answer).second;
  };
  keep_if(session, options.name, wanted, "rows_dropped", "every row was filtered out");
}

Stage make_filter(Options& options, const TrainerBook&) {
  FilterOptions filter;
  filter.name = read_on(options);
  filter.min_answer = options.integer("min_answer_characters", "remove shorter answers", {.fallback = 0, .min = 0});
  filter.max_answer =
      options.integer("max_answer_characters", "remove longer answers; 0: none", {.fallback = 0, .min = 0});
  filter.drop_repeats = options.flag("drop_repeats", "keep only the first of rows with equal prompt and answer", false);
  Stage stage;
  stage.needs.push_back(needs_data(filter.name));
  stage.run = [filter](Session& session) { run_filter(filter, session); };
  return stage;
}

}  // namespace

namespace plugins {
void filter(TrainerBook& book) {
  book.stages.add("filter", {.summary = "removes rows of a data set by simple rules", .make = make_filter});
}
}  // namespace plugins
}  // namespace touchstone
