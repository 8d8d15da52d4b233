#include "harness/engine/prefix_tree.hpp"

#include <algorithm>
#include <string>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Negative numbers become the placeholder; the rows that they name go to `soft`.
void add_soft(const SoftRows* soft, std::vector<std::int64_t>& tokens, Inputs& inputs) {
  if (soft == nullptr || !soft->rows.defined()) return;
  std::vector<std::int64_t> places;
  std::vector<std::int64_t> rows;
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (tokens[at] >= 0) continue;
    places.push_back(static_cast<std::int64_t>(at));
    rows.push_back(-1 - tokens[at]);
    tokens[at] = soft->placeholder;
  }
  if (places.empty()) return;
  inputs.soft_at = at::tensor(places, at::kLong);
  inputs.soft = soft->rows.index_select(0, at::tensor(rows, at::kLong).to(soft->rows.device()));
}

}  // namespace

/// A range [begin, end) of tokens that several neighbouring sequences have in common, computed once.
struct PrefixRunner::Node {
  int parent = -1;
  int wave = 0;                            ///< forward passes before it; 0: the tokens are in row 0 already
  std::span<const std::int32_t> tokens{};  ///< of one of its sequences, from the beginning
  std::size_t begin = 0;
  std::size_t end = 0;
  int row = 0;
  std::vector<ReadSpot> reads{};  ///< by position
};

/// Tokens of one row that are still to be run.
struct PrefixRunner::Feed {
  int row = 0;
  std::span<const std::int32_t> tokens;  ///< of the whole sequence
  std::size_t begin = 0;
  std::size_t end = 0;
  std::span<const ReadSpot> reads;  ///< of positions in [begin, end), by position
};

/// Finds the shared ranges of sorted sequences.
class PrefixRunner::Tree {
 public:
  Tree(std::span<const Sequence> sequences, std::span<const std::int32_t> kept) : sequences_(sequences), kept_(kept) {
    node_of.resize(sequences.size(), -1);
    if (!sequences.empty()) grow(0, sequences.size(), -1);
  }

  std::vector<Node> nodes;
  std::vector<int> node_of;  ///< where each sequence ends

 private:
  /// The sequences [first, last) share the tokens of `parent` and of its ancestors.
  void grow(std::size_t first, std::size_t last, int parent) {
    const auto& low = sequences_[first].tokens;
    // In sorted order the first and the last have the least in common.
    const auto shared = common_prefix(low, sequences_[last - 1].tokens);
    parent = take_kept(first, last, shared, parent);
    const auto begin = end_of(parent);
    const bool ends_here = low.size() == shared;
    if (shared > begin && (last - first == 1 || ends_here || shared - begin >= min_shared_tokens)) {
      parent = add(first, last, begin, shared, parent);
    }
    auto at = first;
    while (at < last && sequences_[at].tokens.size() == shared) node_of[at++] = parent;
    while (at < last) {
      const auto word = sequences_[at].tokens[shared];
      auto next = at + 1;
      while (next < last && sequences_[next].tokens[shared] == word) ++next;
      grow(at, next, parent);
      at = next;
    }
  }

  std::size_t end_of(int node) const { return node < 0 ? 0 : nodes[static_cast<std::size_t>(node)].end; }

  /// A node for the tokens that lie in row 0 already, up to the first position that is read.
  int take_kept(std::size_t first, std::size_t last, std::size_t shared, int parent) {
    const auto begin = end_of(parent);
    const bool from_row_0 = parent < 0 || nodes[static_cast<std::size_t>(parent)].wave == 0;
    if (!from_row_0) return parent;
    auto end = common_prefix(kept_, sequences_[first].tokens.first(shared));
    for (auto at = first; at < last; ++at) end = std::min(end, sequences_[at].first_read);
    if (end <= begin || end < min_shared_tokens) return parent;
    nodes.push_back({.parent = parent,
                     .wave = 0,
                     .tokens = sequences_[first].tokens,
                     .begin = begin,
                     .end = end,
                     .row = 0,
                     .reads = {}});
    return static_cast<int>(nodes.size()) - 1;
  }

  int add(std::size_t first, std::size_t last, std::size_t begin, std::size_t end, int parent) {
    Node node{.parent = parent,
              .wave = parent < 0 ? 1 : nodes[static_cast<std::size_t>(parent)].wave + 1,
              .tokens = sequences_[first].tokens,
              .begin = begin,
              .end = end,
              .row = 0,
              .reads = {}};
    for (auto at = first; at < last; ++at) {
      for (auto position = std::max(begin, sequences_[at].first_read); position < end; ++position) {
        node.reads.push_back({.sequence = at, .position = position, .row = 0});
      }
    }
    std::stable_sort(node.reads.begin(), node.reads.end(),
                     [](const ReadSpot& a, const ReadSpot& b) { return a.position < b.position; });
    nodes.push_back(std::move(node));
    return static_cast<int>(nodes.size()) - 1;
  }

  std::span<const Sequence> sequences_;
  std::span<const std::int32_t> kept_;
};

std::size_t common_prefix(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(differ.first - a.begin());
}

PrefixRunner::PrefixRunner(Model& model, int batch_tokens, EngineCounts& counts, const CancelFlag* cancel,
                           const SoftRows* soft, const ModelUse& use)
    : model_(&model),
      batch_tokens_(static_cast<std::size_t>(std::max(batch_tokens, 1))),
      counts_(&counts),
      cancel_(cancel),
      soft_(soft),
      depth_(use.depth),
      policy_(use.policy ? use.policy() : nullptr),
      cache_(model.make_cache(1, use.depth)) {}

std::vector<int> PrefixRunner::run(std::span<const Sequence> sequences, const RowReader& read) {
  Tree tree(sequences, prefix_);
  int waves = 0;
  for (const auto& node : tree.nodes) waves = std::max(waves, node.wave);
  for (int wave = 1; wave <= waves; ++wave) {
    std::vector<Feed> feeds;
    for (auto& node : tree.nodes) {
      if (node.wave != wave) continue;
      const auto from = node.parent < 0 ? 0 : tree.nodes[static_cast<std::size_t>(node.parent)].row;
      node.row = fork(from, node.begin);
      feeds.push_back(
          {.row = node.row, .tokens = node.tokens, .begin = node.begin, .end = node.end, .reads = node.reads});
    }
    run_wave(std::move(feeds), read);
  }
  std::vector<int> rows;
  std::size_t needed = 0;
  for (std::size_t at = 0; at < sequences.size(); ++at) {
    const auto node = tree.node_of[at];
    rows.push_back(node < 0 ? 0 : tree.nodes[static_cast<std::size_t>(node)].row);
    needed += sequences[at].tokens.size();
  }
  for (const auto& node : tree.nodes) needed -= node.wave == 0 ? 0 : node.end - node.begin;
  counts_->reused_tokens += static_cast<std::int64_t>(needed);
  return rows;
}

int PrefixRunner::fork(int row, std::size_t length) { return cache_->fork(row, static_cast<std::int64_t>(length)); }

void PrefixRunner::keep(const std::vector<int>& rows, int prefix_row, std::span<const std::int32_t> prefix) {
  if (policy_) prefix = {};
  std::vector<int> kept = {fork(prefix_row, prefix.size())};
  kept.insert(kept.end(), rows.begin(), rows.end());
  prefix_.assign(prefix.begin(), prefix.end());
  cache_->keep(kept);
}

void PrefixRunner::run_wave(std::vector<Feed> feeds, const RowReader& read) {
  std::size_t first = 0;  // all before it are through
  while (first < feeds.size()) {
    std::vector<Feed> pieces;
    auto room = batch_tokens_;
    for (auto at = first; at < feeds.size() && room > 0; ++at) {
      auto& feed = feeds[at];
      if (feed.begin == feed.end) continue;
      auto piece = feed;
      piece.end = piece_end(feed, room);
      std::size_t reads = 0;
      while (reads < feed.reads.size() && feed.reads[reads].position < piece.end) ++reads;
      piece.reads = feed.reads.first(reads);
      feed.reads = feed.reads.subspan(reads);
      room -= piece.end - piece.begin;
      feed.begin = piece.end;
      pieces.push_back(piece);
    }
    while (first < feeds.size() && feeds[first].begin == feeds[first].end) ++first;
    run_pass(pieces, read);
  }
}

/// Where a piece ends: with the feed, the room of a pass, or where the policy looks.
std::size_t PrefixRunner::piece_end(const Feed& feed, std::size_t room) const {
  const auto end = std::min(feed.end, feed.begin + room);
  if (!policy_) return end;
  return std::min(end, static_cast<std::size_t>(policy_->next(static_cast<std::int64_t>(feed.begin))));
}

/// One pass that gives the hidden rows of the tokens `wanted`.
Outputs PrefixRunner::forward(const Inputs& inputs, const std::vector<std::int64_t>& wanted) {
  Want want;
  want.logits = false;
  want.hidden = true;
  want.hidden_at = at::tensor(wanted, at::kLong);
  want.depth = depth_;
  if (policy_ && policy_->reads().attention) {
    for (int layer = 0; layer < layers_run(*model_, depth_); ++layer) want.attention_layers.push_back(layer);
  }
  const auto outputs = model_->forward(inputs, want, cache_.get());
  if (policy_) drop_entries(inputs, outputs);
  return outputs;
}

/// Lets the policy look at the rows that came to a length at which it does.
void PrefixRunner::drop_entries(const Inputs& inputs, const Outputs& outputs) {
  const auto reads = policy_->reads();
  std::size_t document = 0;  // of those with tokens
  for (int row = 0; row < cache_->rows(); ++row) {
    const auto at = static_cast<std::size_t>(row);
    const auto tokens = inputs.starts[at + 1] - inputs.starts[at];
    if (tokens == 0) continue;
    const auto own = document++;
    const auto length = cache_->length(row);
    if (policy_->next(length - 1) != length || policy_->entries(length) == cache_->entries(row)) continue;
    std::vector<Tensor> kept;
    for (int layer = 0; layer < layers_run(*model_, depth_); ++layer) {
      CachedLayer seen{.layer = layer, .positions = cache_->positions(row, layer)};
      if (reads.keys) seen.keys = cache_->keys(row, layer);
      if (reads.attention) seen.attention = outputs.attention[static_cast<std::size_t>(layer)][own].select(1, -1);
      kept.push_back(policy_->kept(seen, length));
    }
    cache_->retain(row, kept);
    require(cache_->entries(row) == policy_->entries(length), Fault::internal, [&] {
      return "a cache policy keeps " + std::to_string(cache_->entries(row)) + " entries of " + std::to_string(length) +
             " tokens and says that it keeps " + std::to_string(policy_->entries(length));
    });
  }
}

void PrefixRunner::run_pass(std::vector<Feed>& pieces, const RowReader& read) {
  if (cancel_ != nullptr) cancel_->check();
  // Documents stand in the order of the cache's rows.
  std::sort(pieces.begin(), pieces.end(), [](const Feed& a, const Feed& b) { return a.row < b.row; });
  Inputs inputs;
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> wanted;
  std::vector<ReadSpot> spots;
  std::size_t next = 0;
  for (int row = 0; row < cache_->rows(); ++row) {
    if (next < pieces.size() && pieces[next].row == row) {
      const auto& piece = pieces[next++];
      const auto first = static_cast<std::int64_t>(tokens.size()) - static_cast<std::int64_t>(piece.begin);
      tokens.insert(tokens.end(), piece.tokens.begin() + static_cast<std::ptrdiff_t>(piece.begin),
                    piece.tokens.begin() + static_cast<std::ptrdiff_t>(piece.end));
      for (auto spot : piece.reads) {
        const auto index = first + static_cast<std::int64_t>(spot.position);
        if (wanted.empty() || wanted.back() != index) wanted.push_back(index);
        spot.row = static_cast<std::int64_t>(wanted.size()) - 1;
        spots.push_back(spot);
      }
    }
    inputs.starts.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  add_soft(soft_, tokens, inputs);
  inputs.tokens = at::tensor(tokens, at::kLong);
  const auto outputs = forward(inputs, wanted);
  counts_->prefill_tokens += static_cast<std::int64_t>(tokens.size());
  if (!spots.empty()) read(spots, outputs.hidden);
}

Tensor PrefixRunner::step(std::span<const int> rows, std::span<const std::int32_t> tokens) {
  std::vector<Tensor> hidden;
  for (std::size_t done = 0; done < rows.size();) {
    if (cancel_ != nullptr) cancel_->check();
    const auto count = std::min(rows.size() - done, batch_tokens_);
    std::vector<std::int64_t> at_row(static_cast<std::size_t>(cache_->rows()), -1);
    for (std::size_t at = done; at < done + count; ++at)
      at_row[static_cast<std::size_t>(rows[at])] = static_cast<std::int64_t>(at);
    Inputs inputs;
    std::vector<std::int64_t> words;
    std::vector<std::int64_t> wanted(count);
    for (const auto at : at_row) {
      if (at >= 0) {
        wanted[static_cast<std::size_t>(at) - done] = static_cast<std::int64_t>(words.size());
        words.push_back(tokens[static_cast<std::size_t>(at)]);
      }
      inputs.starts.push_back(static_cast<std::int64_t>(words.size()));
    }
    inputs.tokens = at::tensor(words, at::kLong);
    hidden.push_back(forward(inputs, wanted).hidden);
    counts_->decoded_tokens += static_cast<std::int64_t>(count);
    done += count;
  }
  return hidden.size() == 1 ? hidden.front() : at::cat(hidden);
}

}  // namespace touchstone
