#include <algorithm>

#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

/// Gives each of the rows [first, last) the answers of the row before it; the first row gets those of the last.
void rotate_answers(std::vector<Record>& rows, std::size_t first, std::size_t last) {
  std::vector<std::vector<Answer>> own;
  for (auto at = first; at < last; ++at) own.push_back(rows[at].answers);
  for (auto at = first; at < last; ++at) {
    for (auto answer : own[(at - first + own.size() - 1) % own.size()]) {
      answer.reward = 0.0;
      answer.ref_logp_nats.clear();
      answer.spans.clear();
      answer.drawn.clear();  // they stand behind another prompt now
      rows[at].answers.push_back(std::move(answer));
    }
  }
}

/// Adds another row's judged answers to each row, with reward zero: the objective kto estimates the divergence from its
/// reference by them. Source: "KTO: Model Alignment as Prospect Theoretic Optimization", arXiv 2402.01306, section 4.1,
/// rotated as TRL's KTOTrainer does.
void run_mismatch(const std::string& name, std::size_t block, Session& session) {
  auto& rows = session.data.at(name);
  if (rows.empty()) return;
  require(rows.size() > 1, Fault::data,
          [&] { return needs_data(name) + ": found one row, expected at least 2: each takes another row's answer"; });
  for (const auto& record : rows) {
    const bool judged = std::any_of(record.answers.begin(), record.answers.end(),
                                    [](const Answer& answer) { return answer.reward != 0.0; });
    const bool tokens = std::any_of(record.answers.begin(), record.answers.end(),
                                    [](const Answer& answer) { return !answer.tokens.empty(); });
    require(judged, Fault::data, [&] {
      return "record '" + record.id +
             "': found no answer with a reward other than 0, expected some: above 0 is good, below is bad";
    });
    require(!tokens, Fault::data,
            [&] { return "record '" + record.id + "': found token ids, which hold their own prompt, expected texts"; });
  }
  if (block == 0) block = rows.size();
  double answers = 0.0;
  for (std::size_t first = 0; first < rows.size();) {
    auto last = std::min(first + block, rows.size());
    if (rows.size() - last == 1) last = rows.size();  // a single row has no other to swap with
    for (auto at = first; at < last; ++at) answers += static_cast<double>(rows[at].answers.size());
    rotate_answers(rows, first, last);
    first = last;
  }
  session.values = {{"rows", static_cast<double>(rows.size())}, {"answers_added", answers}};
}

Stage make_mismatch(Options& options, const TrainerBook&) {
  const auto name = read_on(options, "name of a data set of judged answers");
  const auto block = options.integer(
      "rows", "rows that exchange their answers: the batch size, where rows are not shuffled afterwards; 0: all",
      {.fallback = 0, .min = 0, .max = 1 << 30});
  require(block != 1, Fault::config,
          [&] { return options.where() + ": key 'rows': found 1, expected 0 or at least 2"; });
  Stage stage;
  stage.needs.push_back(needs_data(name));
  stage.run = [name, block](Session& session) { run_mismatch(name, static_cast<std::size_t>(block), session); };
  return stage;
}

}  // namespace

namespace plugins {
void mismatch(TrainerBook& book) {
  book.stages.add("mismatch", {.summary = "adds another row's answers to each row's judged ones, for the objective kto",
                               .make = make_mismatch});
}
}  // namespace plugins
}  // namespace touchstone
