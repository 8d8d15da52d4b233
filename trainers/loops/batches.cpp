#include "trainers/loops/batches.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "harness/base/draws.hpp"
#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

template <class Value>
Tensor to_tensor(const std::vector<Value>& values, at::Device device) {
  return at::tensor(values).to(device);
}

using Groups = std::vector<std::vector<std::size_t>>;

/// Bins (single rows, unless packed) in the order of one epoch, cut into micro-batches.
Groups micro_batches(const std::vector<Row>& rows, const Groups& bins, const StepSettings& settings) {
  Groups all;
  std::int64_t tokens = 0;
  std::int64_t count = 0;
  for (const auto& bin : bins) {
    std::int64_t more = 0;
    for (const auto row : bin) more += static_cast<std::int64_t>(rows[row].tokens());
    const bool full = settings.batch_tokens > 0 ? tokens + more > settings.batch_tokens : count == settings.batch_size;
    if (all.empty() || full) {
      all.emplace_back();
      tokens = count = 0;
    }
    all.back().insert(all.back().end(), bin.begin(), bin.end());
    tokens += more;
    ++count;
  }
  return all;
}

/// One answer of a row, wherever the row keeps it.
struct AnswerView {
  std::span<const std::int64_t> ids;
  const TokenFacts& facts;
  double reward;
};

AnswerView view_of(const Row& row, std::size_t answer) {
  if (answer == 0) return {std::span(row.ids).subspan(row.prompt_tokens), row.facts, row.reward};
  const auto& other = row.others[answer - 1];
  return {other.ids, other.facts, other.reward};
}

/// The answers of a row that a batch holds: its first, and all others or some.
std::vector<std::size_t> answers_of(const Row& row, const OtherAnswers& others) {
  const auto there = row.others.size();
  const auto count = others.count > 0 ? std::min(static_cast<std::size_t>(others.count), there) : there;
  std::vector<std::size_t> answers = {0};
  for (std::size_t at = 0; at < count; ++at) {
    answers.push_back(1 + (count < there ? (static_cast<std::size_t>(others.first) + at) % there : at));
  }
  return answers;
}

/// The tokens of an answer, from `first` on, that are under the loss.
std::vector<std::size_t> trained_of(const AnswerView& view, std::size_t first) {
  std::vector<std::size_t> trained;
  for (auto at = first; at < view.ids.size(); ++at) {
    if (view.facts.trained.empty() || view.facts.trained[at] != 0) trained.push_back(at);
  }
  return trained;
}

/// A batch while rows are added to it.
class BatchLists {
 public:
  /// Documents of one answer are padded to this many tokens of their rows.
  explicit BatchLists(std::size_t padded = 0) : padded_(padded) {}

  /// Some answers of a row behind its prompt.
  void add(const Row& row, std::size_t number, Normaliser normaliser, std::span<const std::size_t> answers) {
    if (!answers.empty()) add_answers(row, number, normaliser, answers);
    ++batch_.sequences;
    batch_.record_numbers.push_back(static_cast<std::int64_t>(number));
    batch_.record_starts.push_back(static_cast<std::int64_t>(batch_.rewards.size()));
  }

  bool empty() const { return batch_.rewards.empty(); }

  Batch finish(at::Device device, const PictureReader* pictures) {
    batch_.inputs.starts.push_back(static_cast<std::int64_t>(layout_.size()));
    batch_.inputs.tokens = to_tensor(tokens_, device);
    if (shared_) batch_.inputs.layout = to_tensor(layout_, device);
    batch_.at = to_tensor(places_, device);
    batch_.labels = to_tensor(labels_, device);
    batch_.keys = to_tensor(keys_, device);
    batch_.answer_of = to_tensor(answer_of_, device);
    if (weighted_) batch_.weights = to_tensor(weights_, device);
    if (marked_) batch_.marks = to_tensor(marks_, device);
    finish_pictures(device, pictures);
    if (!labels_.empty() && ref_logp_.size() == labels_.size()) batch_.ref_logp = to_tensor(ref_logp_, device);
    return std::move(batch_);
  }

 private:
  template <class Value>
  static void append(std::vector<Value>& all, std::span<const Value> more) {
    all.insert(all.end(), more.begin(), more.end());
  }

  void add_answers(const Row& row, std::size_t number, Normaliser normaliser, std::span<const std::size_t> answers) {
    const auto prompt = static_cast<std::int64_t>(tokens_.size());
    const std::span whole(row.ids);
    append(tokens_, whole.first(row.prompt_tokens));
    batch_.tokens += static_cast<std::int64_t>(row.prompt_tokens);
    add_pictures(row, prompt);
    for (const auto answer : answers) {
      const auto view = view_of(row, answer);
      batch_.tokens += static_cast<std::int64_t>(view.ids.size());
      batch_.inputs.starts.push_back(static_cast<std::int64_t>(layout_.size()));
      for (std::size_t at = 0; at < row.prompt_tokens; ++at) layout_.push_back(prompt + static_cast<std::int64_t>(at));
      const auto own = static_cast<std::int64_t>(tokens_.size());
      // The last token predicts no label, and by causality no other token needs it.
      append(tokens_, view.ids.first(view.ids.size() - 1));
      // By causality, padding behind a row changes only the cost.
      if (answers.size() == 1 && row.ids.size() < padded_) tokens_.resize(tokens_.size() + padded_ - row.ids.size(), 0);
      for (auto at = own; at < static_cast<std::int64_t>(tokens_.size()); ++at) layout_.push_back(at);
      // Without a prompt no token predicts the first one.
      const std::size_t first = row.prompt_tokens == 0 ? 1 : 0;
      const auto trained = trained_of(view, first);
      for (const auto at : trained) {
        const auto seen =
            at == 0 ? prompt + static_cast<std::int64_t>(row.prompt_tokens) : own + static_cast<std::int64_t>(at);
        places_.push_back(seen - 1);
        labels_.push_back(view.ids[at]);
        keys_.push_back(static_cast<std::int64_t>((std::uint64_t{number} << 32) ^ (std::uint64_t{answer} << 24) ^ at));
        answer_of_.push_back(static_cast<std::int64_t>(batch_.rewards.size()));
      }
      add_facts(view, trained, normaliser);
      batch_.rewards.push_back(view.reward);
    }
    shared_ = shared_ || answers.size() > 1;
  }

  void add_facts(const AnswerView& view, const std::vector<std::size_t>& trained, Normaliser normaliser) {
    const auto& facts = view.facts;
    const bool mean = normaliser == Normaliser::sequence_mean;
    const auto share = mean ? 1.0F / static_cast<float>(trained.size()) : 1.0F;
    for (const auto at : trained) {
      const float weight = facts.weights.empty() ? 1.0F : facts.weights[at];
      batch_.weight_sum += static_cast<double>(weight);
      weights_.push_back(weight * share);
      marks_.push_back(facts.marks.empty() ? std::uint8_t{0} : facts.marks[at]);
      if (!facts.ref_logp.empty()) ref_logp_.push_back(facts.ref_logp[at]);
    }
    weighted_ = weighted_ || mean || !facts.weights.empty();
    marked_ = marked_ || !facts.marks.empty();
  }

  /// The places of the prompt's soft rows, which its answers share as they share its tokens.
  void add_pictures(const Row& row, std::int64_t prompt) {
    images_.insert(images_.end(), row.pictures.begin(), row.pictures.end());
    if (!row.pictures.empty()) soft_rows_ += static_cast<std::int64_t>(row.soft_cut);
    for (const auto at : row.soft_at) {
      soft_at_.push_back(prompt + static_cast<std::int64_t>(at));
      soft_from_.push_back(soft_rows_++);
    }
  }

  void finish_pictures(at::Device device, const PictureReader* pictures) {
    if (images_.empty()) return;
    require(pictures != nullptr, Fault::internal, "pictures for a model that takes none");
    batch_.tiles = picture_tiles(pictures->rules, images_).to(device);
    batch_.inputs.soft_at = to_tensor(soft_at_, device);
    if (static_cast<std::int64_t>(soft_from_.size()) != soft_rows_) batch_.soft_from = to_tensor(soft_from_, device);
  }

  Batch batch_ = [] {
    Batch empty;
    empty.inputs.starts.clear();
    empty.record_starts = {0};
    return empty;
  }();
  std::vector<std::int64_t> tokens_, layout_, places_, labels_, keys_, answer_of_;
  std::vector<float> weights_, ref_logp_;
  std::vector<std::uint8_t> marks_;
  std::vector<const Image*> images_;
  std::vector<std::int64_t> soft_at_, soft_from_;
  std::int64_t soft_rows_ = 0;  ///< of the pictures so far
  std::size_t padded_ = 0;
  bool weighted_ = false;
  bool marked_ = false;
  bool shared_ = false;
};

}  // namespace

const std::vector<std::string>& normaliser_names() {
  static const std::vector<std::string> names = {"token_mean", "sequence_mean", "sequence_sum", "constant",
                                                 "weight_sum"};
  return names;
}

Batch make_batch(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen, Normaliser normaliser,
                 at::Device device, const PictureReader* pictures, const BatchSettings& settings) {
  std::size_t longest = 0;
  for (const auto number : chosen) longest = settings.pad ? std::max(longest, rows[number].ids.size()) : 0;
  BatchLists lists(longest);
  BatchLists watched;
  for (const auto number : chosen) {
    const auto& row = rows[number];
    const auto held = answers_of(row, settings.others);
    const std::span<const std::size_t> answers(held);
    lists.add(row, number, normaliser, settings.first_learns ? answers.first(1) : answers);
    if (settings.first_learns) watched.add(row, number, normaliser, answers.subspan(1));
  }
  auto batch = lists.finish(device, pictures);
  if (!watched.empty()) batch.watched = std::make_shared<const Batch>(watched.finish(device, pictures));
  return batch;
}

Groups units_of(const std::vector<Row>& rows) {
  Groups units;
  std::map<std::string, std::size_t> known;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto& item = rows[row].item;
    const auto unit = item.empty() ? units.size() : known.emplace(item, units.size()).first->second;
    if (unit == units.size()) units.emplace_back();
    units[unit].push_back(row);
  }
  return units;
}

Groups pack_rows(const std::vector<Row>& rows, std::int64_t capacity) {
  struct Unit {
    std::vector<std::size_t> rows;
    std::int64_t tokens = 0;
  };
  std::vector<Unit> units;
  for (auto& unit : units_of(rows)) {
    units.push_back({.rows = std::move(unit)});
    for (const auto row : units.back().rows) units.back().tokens += static_cast<std::int64_t>(rows[row].tokens());
  }
  std::stable_sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) { return a.tokens > b.tokens; });
  Groups bins;
  std::multimap<std::int64_t, std::size_t> room;  // room left, and in which bin
  for (const auto& unit : units) {
    const auto found = room.lower_bound(unit.tokens);
    std::int64_t left = capacity - unit.tokens;
    std::size_t bin = bins.size();
    if (found != room.end()) {
      left = found->first - unit.tokens;
      bin = found->second;
      room.erase(found);
    } else {
      bins.emplace_back();
    }
    bins[bin].insert(bins[bin].end(), unit.rows.begin(), unit.rows.end());
    if (left > 0) room.emplace(left, bin);
  }
  return bins;
}

std::vector<PlannedStep> plan_steps(const std::vector<Row>& rows, const StepSettings& settings) {
  require(!rows.empty(), Fault::data, "found no row to train on, expected at least one");
  const auto bins = settings.pack && !settings.wrap ? pack_rows(rows, settings.pack_tokens) : units_of(rows);
  std::vector<PlannedStep> steps;
  const auto enough = [&](int epoch) {
    return settings.max_steps > 0 ? static_cast<std::int64_t>(steps.size()) >= settings.max_steps
                                  : static_cast<double>(epoch) >= settings.epochs;
  };
  for (int epoch = 0; !enough(epoch); ++epoch) {
    auto order = bins;
    if (settings.shuffle) {
      Draws draws(settings.seed, "train.order." + std::to_string(epoch));
      shuffle(order, draws);
    }
    const auto all = micro_batches(rows, order, settings);
    const auto per_step = static_cast<std::size_t>(settings.accumulation);
    const auto epoch_steps = (all.size() + per_step - 1) / per_step;
    // A fractional last epoch ends early: ceil(steps of an epoch x epochs) steps in all, as in Transformers.
    const double part = std::min(1.0, settings.epochs - epoch);
    const auto wanted = settings.max_steps > 0
                            ? std::min(epoch_steps, static_cast<std::size_t>(settings.max_steps) - steps.size())
                            : static_cast<std::size_t>(std::ceil(static_cast<double>(epoch_steps) * part - 1e-9));
    for (std::size_t step = 0; step < wanted; ++step) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(step * per_step);
      const auto last = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), (step + 1) * per_step));
      steps.push_back({epoch, {first, last}});
    }
  }
  return steps;
}

}  // namespace touchstone
