#include "harness/engine/side_model.hpp"

#include <algorithm>
#include <set>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Tokens of one forward pass.
constexpr int side_model_batch = 4096;

bool begins_with(const TokenIds& tokens, const TokenIds& start) {
  return tokens.size() >= start.size() && std::equal(start.begin(), start.end(), tokens.begin());
}

}  // namespace

SideModel::SideModel(std::shared_ptr<Model> model)
    : model_(std::move(model)), runner_(*model_, side_model_batch, counts_, nullptr) {}

/// Hidden rows behind each of `wanted` (sorted, none twice), computed without a cache. One that is a prefix of another
/// is read on the way; the cache rows of the others are added to `rows`.
std::map<TokenIds, Tensor> SideModel::run_fresh(const std::vector<TokenIds>& wanted, std::map<TokenIds, int>& rows) {
  std::map<TokenIds, Tensor> hidden;
  std::vector<Sequence> sequences;
  std::vector<std::set<std::size_t>> lengths;  // of each sequence, where rows are wanted
  // In sorted order a prefix stands just before the first sequence that begins with it.
  for (auto at = wanted.size(); at-- > 0;) {
    const bool inside = at + 1 < wanted.size() && begins_with(wanted[at + 1], wanted[at]);
    if (!inside) {
      sequences.push_back({.tokens = wanted[at], .first_read = wanted[at].size() - 1});
      lengths.emplace_back();
    }
    sequences.back().first_read = std::min(sequences.back().first_read, wanted[at].size() - 1);
    lengths.back().insert(wanted[at].size());
  }
  std::reverse(sequences.begin(), sequences.end());
  std::reverse(lengths.begin(), lengths.end());
  const auto found = runner_.run(sequences, [&](std::span<const ReadSpot> spots, const Tensor& all) {
    for (const auto& spot : spots) {
      if (lengths[spot.sequence].count(spot.position + 1) == 0) continue;
      const auto& tokens = sequences[spot.sequence].tokens;
      hidden[TokenIds(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(spot.position) + 1)] = all[spot.row];
    }
  });
  for (std::size_t at = 0; at < sequences.size(); ++at) {
    const auto& tokens = sequences[at].tokens;
    rows[TokenIds(tokens.begin(), tokens.end())] = runner_.fork(found[at], tokens.size());
  }
  return hidden;
}

/// Keeps the rows of this call, and those of the last one that no row has gone on from.
void SideModel::hold(const std::map<TokenIds, int>& asked) {
  std::map<TokenIds, Held> next;
  for (const auto& [tokens, held] : held_) {
    if (held.asked) next[tokens] = {.row = held.row, .asked = false};
  }
  for (const auto& [tokens, row] : asked) next[tokens] = {.row = row, .asked = true};
  std::vector<int> order;
  for (auto& [tokens, held] : next) {
    order.push_back(held.row);
    held.row = static_cast<int>(order.size());
  }
  runner_.keep(order, 0, {});
  held_ = std::move(next);
}

Tensor SideModel::logits(std::span<const LogitsRow> rows) {
  std::set<TokenIds> distinct;
  for (const auto& row : rows) {
    require(
        std::none_of(row.tokens.begin(), row.tokens.end(), [](std::int32_t token) { return token < 0; }), Fault::config,
        [] {
          return std::string("the procedure asks a second model, which takes text only, but a prompt holds pictures");
        });
    distinct.emplace(row.tokens.begin(), row.tokens.end());
  }
  std::vector<TokenIds> fresh;
  std::vector<const TokenIds*> grown;
  for (const auto& tokens : distinct) {
    const bool held = held_.count(TokenIds(tokens.begin(), tokens.end() - 1)) != 0;
    held ? grown.push_back(&tokens) : fresh.push_back(tokens);
  }
  std::map<TokenIds, int> kept;
  std::map<TokenIds, Tensor> hidden;
  if (!fresh.empty()) hidden = run_fresh(fresh, kept);
  if (!grown.empty()) {
    std::vector<int> at;
    std::vector<std::int32_t> last;
    for (const auto* tokens : grown) {
      at.push_back(runner_.fork(held_.at(TokenIds(tokens->begin(), tokens->end() - 1)).row, tokens->size() - 1));
      last.push_back(tokens->back());
      kept[*tokens] = at.back();
    }
    for (const auto* tokens : grown) held_.erase(TokenIds(tokens->begin(), tokens->end() - 1));
    const auto all = runner_.step(at, last);
    for (std::size_t i = 0; i < grown.size(); ++i) hidden[*grown[i]] = all[static_cast<std::int64_t>(i)];
  }
  hold(kept);
  std::vector<Tensor> asked;
  for (const auto& row : rows) asked.push_back(hidden.at(TokenIds(row.tokens.begin(), row.tokens.end())));
  return model_->project(at::stack(asked)).to(at::kFloat);
}

}  // namespace touchstone
