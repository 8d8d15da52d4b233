#include <map>
#include <set>

#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"
#include "harness/data/split.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/records.hpp"
#include "trainers/rows/row_options.hpp"

namespace touchstone {
namespace {

struct CrossPairOptions {
  std::string data;
  std::string sources;
  std::optional<Split> split;
  bool both = true;
  RowSettings rows;
};

struct PairCounts {
  double equal = 0.0;
  double empty = 0.0;
  double too_long = 0.0;
};

/// The records that translated ones were translated from. Each translated record names its item in the fact "source":
/// the name of the item's task stands before the first slash.
class SourceItems {
 public:
  SourceItems(const TrainJob& job, std::optional<Split> split) : job_(job), split_(split) {}

  const Record& of(const Record& translated) {
    const auto* example = translated.example.get();
    const auto fact =
        example == nullptr ? std::map<std::string, std::string>::const_iterator() : example->facts.find("source");
    require(example != nullptr && fact != example->facts.end(), Fault::data, [&] {
      return "record '" + translated.id +
             "' does not say what it is a translation of, expected a task whose items have the fact 'source', or a "
             "data set of the same rows in the source language under 'with'";
    });
    const auto& id = fact->second;
    const auto task = id.substr(0, id.find('/'));
    if (loaded_.insert(task).second) {
      for (auto& record : load_records(job_, task, split_)) records_.emplace(record.id, std::move(record));
    }
    const auto found = records_.find(id);
    require(found != records_.end(), Fault::data, [&] {
      return "record '" + translated.id + "' is a translation of '" + id + "', which task '" + task + "' does not have";
    });
    return found->second;
  }

 private:
  const TrainJob& job_;
  std::optional<Split> split_;
  std::set<std::string> loaded_;
  std::map<std::string, Record> records_;
};

Answer plain_answer(const Answer& source, bool target) {
  Answer answer;
  answer.text = source.text;
  if (target) {
    answer.spans = {
        {.first = 0, .last = static_cast<int>(answer.text.size()), .weight = 1.0, .role = "target_language"}};
  }
  return answer;
}

/// A record asked in the language of `asked`: the answer in that language first, then the other language's.
Record half(const Record& asked, const Record& other, bool target, const std::string& item) {
  auto record = asked;
  record.answers = {plain_answer(asked.answers.front(), target), plain_answer(other.answers.front(), !target)};
  record.answers[0].reward = 1.0;
  record.answers[1].reward = -1.0;
  record.item = item;
  return record;
}

bool fits(const Record& record, const RowEncoder& encoder, const RowSettings& settings) {
  RowAudit audit;
  return encode_row(record, encoder, settings, audit).has_value() && audit.rows_truncated == 0;
}

/// Adds both halves of one item, unless their answers give nothing to prefer.
void add_item(const Record& translated, const Record& source, const CrossPairOptions& options,
              const RowEncoder& encoder, PairCounts& counts, std::vector<Record>& kept) {
  const auto text = [](const Record& record) { return strip(record.answers.front().text); };
  if (text(translated).empty() || text(source).empty()) {
    ++counts.empty;
    return;
  }
  if (text(translated) == text(source) || plain_text(translated.prompt) == plain_text(source.prompt)) {
    ++counts.equal;
    return;
  }
  const auto item = std::to_string(kept.size()) + " " + translated.id;  // keeps items apart, whatever their ids
  auto target = half(translated, source, true, item);
  auto own = half(source, translated, false, item);
  if (!fits(target, encoder, options.rows) || !fits(own, encoder, options.rows)) {
    ++counts.too_long;
    return;
  }
  kept.push_back(std::move(target));
  if (options.both) kept.push_back(std::move(own));
}

void run_cross_pair(const CrossPairOptions& options, Session& session) {
  auto& data = session.data.at(options.data);
  auto chosen = options;
  chosen.rows.max_length = row_limit(options.rows, session.model->max_length());
  chosen.rows.answers = 2;
  const auto encoder = row_encoder(session);
  const std::vector<Record>* by_place = options.sources.empty() ? nullptr : &session.data.at(options.sources);
  require(by_place == nullptr || by_place->size() == data.size(), Fault::data, [&] {
    return "data sets '" + options.data + "' and '" + options.sources + "' have " + std::to_string(data.size()) +
           " and " + std::to_string(by_place->size()) + " rows, expected the same rows in the same order";
  });
  SourceItems sources(*session.job, options.split);
  PairCounts counts;
  std::vector<Record> kept;
  for (std::size_t at = 0; at < data.size(); ++at) {
    const auto& source = by_place != nullptr ? (*by_place)[at] : sources.of(data[at]);
    require(!data[at].answers.empty() && !source.answers.empty(), Fault::data,
            [&] { return "record '" + data[at].id + "' has no answer in one of the languages"; });
    add_item(data[at], source, chosen, encoder, counts, kept);
  }
  const auto records = static_cast<double>(kept.size());
  session.values = {{"rows", records},
                    {"items", options.both ? records / 2.0 : records},
                    {"items_equal", counts.equal},
                    {"items_empty", counts.empty},
                    {"items_too_long", counts.too_long}};
  require(!kept.empty() || data.empty(), Fault::data, [&] {
    return needs_data(options.data) + ": no item is left of " + std::to_string(data.size()) + ": " +
           std::to_string(static_cast<std::int64_t>(counts.equal)) + " are equal in both languages, " +
           std::to_string(static_cast<std::int64_t>(counts.empty)) + " empty, " +
           std::to_string(static_cast<std::int64_t>(counts.too_long)) + " longer than " +
           std::to_string(chosen.rows.max_length) + " tokens";
  });
  data = std::move(kept);
}

Stage make_cross_pair(Options& options, const TrainerBook&) {
  CrossPairOptions pair;
  pair.data = read_on(options, "name of a data set in the target language");
  pair.sources = options.text("with",
                              "name of a data set of the same rows, in the same order, in the source language; \"\": "
                              "the items that the rows of 'on' were translated from",
                              {.fallback = ""});
  pair.split = split_named(
      options.text("split", "where \"with\" is \"\": the split of those items; \"\": the task's own training split",
                   {.fallback = "", .choices = {"", "train", "validation", "test", "dev"}}));
  pair.both = options.text("pairs", "both: an item is asked in both languages; target_only: in the target language",
                           {.fallback = "both", .choices = {"both", "target_only"}}) == "both";
  pair.rows = read_row_options(options);
  Stage stage;
  stage.needs.push_back(needs_data(pair.data));
  if (!pair.sources.empty()) stage.needs.push_back(needs_data(pair.sources));
  stage.run = [pair](Session& session) { run_cross_pair(pair, session); };
  return stage;
}

}  // namespace

namespace plugins {
void cross_pair(TrainerBook& book) {
  book.stages.add("cross_pair",
                  {.summary = "asks each item in two languages and prefers the answer in the language of the question",
                   .make = make_cross_pair});
}
}  // namespace plugins
}  // namespace touchstone
