#include <algorithm>
#include <set>

#include "harness/base/text.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

struct FilterOptions {
  std::string name;
  std::int64_t min_answer = 0;
  std::int64_t max_answer = 0;
  bool drop_repeats = false;
};

void run_filter(const FilterOptions& options, Session& session) {
  auto& data = session.data.at(options.name);
  const auto before = data.size();
  std::set<std::pair<std::string, std::string>> seen;
  const auto unwanted = [&](const Record& record) {
    const auto& answer = record.answers.front().text;
    const auto length = static_cast<std::int64_t>(code_points(answer));
    if (length < options.min_answer || (options.max_answer > 0 && length > options.max_answer)) return true;
    std::string prompt;
    for (const auto& turn : record.prompt) prompt += text_of(turn) + '\n';
    return options.drop_repeats && !seen.emplace(std::move(prompt), answer).second;
  };
  data.erase(std::remove_if(data.begin(), data.end(), unwanted), data.end());
  session.values["rows"] = static_cast<double>(data.size());
  session.values["rows_filtered_out"] = static_cast<double>(before - data.size());
  require(!data.empty(), Fault::data, [&] { return "data set '" + options.name + "': every row was filtered out"; });
}

Stage make_filter(Options& options, const TrainerBook&) {
  FilterOptions filter;
  filter.name = options.text("data", "name of the data set", {.fallback = "data", .choices = {}});
  filter.min_answer = options.integer("min_answer_characters", "shorter answers go", {.fallback = 0, .min = 0});
  filter.max_answer =
      options.integer("max_answer_characters", "longer answers go; 0: none does", {.fallback = 0, .min = 0});
  filter.drop_repeats = options.flag("drop_repeats", "of rows with equal prompt and answer the first stays", false);
  Stage stage;
  stage.needs.push_back("data set '" + filter.name + "'");
  stage.run = [filter](Session& session) { run_filter(filter, session); };
  return stage;
}

}  // namespace

namespace plugins {
void filter(TrainerBook& book) {
  book.stages.add("filter", {.summary = "a data set without the rows that a rule refuses", .make = make_filter});
}
}  // namespace plugins
}  // namespace touchstone
