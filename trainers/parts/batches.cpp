#include "trainers/parts/batches.hpp"

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

/// The tiles of the chosen rows' pictures and the places of their soft rows; `starts` of the batch are known.
void add_pictures(Batch& batch, const std::vector<Row>& rows, const std::vector<std::size_t>& chosen,
                  const PictureReader* reader, at::Device device) {
  std::vector<const Image*> images;
  std::vector<std::int64_t> places;
  std::vector<std::int64_t> from;
  std::int64_t all = 0;  // soft rows of the pictures so far
  for (std::size_t number = 0; number < chosen.size(); ++number) {
    const auto& row = rows[chosen[number]];
    images.insert(images.end(), row.pictures.begin(), row.pictures.end());
    if (!row.pictures.empty()) all += static_cast<std::int64_t>(row.soft_cut);
    for (const auto at : row.soft_at) {
      places.push_back(batch.inputs.starts[number] + static_cast<std::int64_t>(at));
      from.push_back(all++);
    }
  }
  if (images.empty()) return;
  require(reader != nullptr, Fault::internal, [] { return std::string("pictures for a model that takes none"); });
  batch.tiles = picture_tiles(reader->rules, images).to(device);
  batch.inputs.soft_at = to_tensor(places, device);
  if (static_cast<std::int64_t>(from.size()) != all) batch.soft_from = to_tensor(from, device);
}

/// Bins (single rows, unless packed) in the order of one epoch, cut into micro-batches.
Groups micro_batches(const std::vector<Row>& rows, const Groups& bins, const StepSettings& settings) {
  Groups all;
  std::int64_t tokens = 0;
  std::int64_t count = 0;
  for (const auto& bin : bins) {
    std::int64_t more = 0;
    for (const auto row : bin) more += static_cast<std::int64_t>(rows[row].ids.size());
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

}  // namespace

const std::vector<std::string>& normaliser_names() {
  static const std::vector<std::string> names = {"token_mean", "sequence_mean", "sequence_sum", "constant",
                                                 "weight_sum"};
  return names;
}

Batch make_batch(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen, Normaliser normaliser,
                 at::Device device, const PictureReader* pictures) {
  Batch batch;
  batch.inputs.starts.clear();
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> places;
  std::vector<std::int64_t> labels;
  std::vector<float> weights;
  bool weighted = false;
  for (const auto number : chosen) {
    const auto& row = rows[number];
    const auto start = static_cast<std::int64_t>(tokens.size());
    batch.inputs.starts.push_back(start);
    // The last token predicts nothing that is trained, and by causality nothing else needs it.
    tokens.insert(tokens.end(), row.ids.begin(), row.ids.end() - 1);
    const auto first = std::max<std::size_t>(1, row.prompt_tokens);
    const auto share = 1.0F / static_cast<float>(row.ids.size() - first);
    for (auto at = first; at < row.ids.size(); ++at) {
      places.push_back(start + static_cast<std::int64_t>(at) - 1);
      labels.push_back(row.ids[at]);
      const float weight = row.weights.empty() ? 1.0F : row.weights[at - row.prompt_tokens];
      batch.weight_sum += static_cast<double>(weight);
      weights.push_back(normaliser == Normaliser::sequence_mean ? weight * share : weight);
    }
    weighted = weighted || !row.weights.empty();
    batch.tokens += static_cast<std::int64_t>(row.ids.size());
    ++batch.sequences;
  }
  batch.inputs.starts.push_back(static_cast<std::int64_t>(tokens.size()));
  batch.inputs.tokens = to_tensor(tokens, device);
  batch.at = to_tensor(places, device);
  batch.labels = to_tensor(labels, device);
  if (weighted || normaliser == Normaliser::sequence_mean) batch.weights = to_tensor(weights, device);
  add_pictures(batch, rows, chosen, pictures, device);
  return batch;
}

std::vector<std::vector<std::size_t>> pack_rows(const std::vector<Row>& rows, std::int64_t capacity) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a].ids.size() > rows[b].ids.size(); });
  Groups bins;
  std::multimap<std::int64_t, std::size_t> room;  // what is left, and in which bin
  for (const auto row : order) {
    const auto length = static_cast<std::int64_t>(rows[row].ids.size());
    const auto found = room.lower_bound(length);
    std::int64_t left = capacity - length;
    std::size_t bin = bins.size();
    if (found != room.end()) {
      left = found->first - length;
      bin = found->second;
      room.erase(found);
    } else {
      bins.emplace_back();
    }
    bins[bin].push_back(row);
    if (left > 0) room.emplace(left, bin);
  }
  return bins;
}

std::vector<PlannedStep> plan_steps(const std::vector<Row>& rows, const StepSettings& settings) {
  require(!rows.empty(), Fault::data, [] { return std::string("no row is left to train on"); });
  Groups bins;
  if (settings.pack) {
    bins = pack_rows(rows, settings.pack_tokens);
  } else {
    for (std::size_t row = 0; row < rows.size(); ++row) bins.push_back({row});
  }
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
    // A last epoch that is only partly wanted ends early: ceil(steps of an epoch x epochs), as Transformers counts.
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
