// Real checkpoints against numbers that others computed: logits within 1e-4, greedy tokens identical.
#include <gtest/gtest.h>

#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"
#include "tests/backends/families.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

Tensor ids_tensor(const std::vector<std::int64_t>& ids) { return at::tensor(ids, at::kLong); }

/// Greedy continuation through the cache, one token a call.
std::vector<std::int64_t> greedy(Model& model, const std::vector<std::int64_t>& prompt, std::size_t count) {
  const auto cache = model.make_cache(1);
  std::vector<std::int64_t> made;
  auto next = prompt;
  while (made.size() < count) {
    const auto last = at::tensor({static_cast<std::int64_t>(next.size()) - 1}, at::kLong);
    Want want;
    want.logits_at = last;
    const auto logits = model.forward({.tokens = ids_tensor(next)}, want, cache.get()).logits;
    made.push_back(logits.argmax(-1).item<std::int64_t>());
    next = {made.back()};
  }
  return made;
}

class Reference : public ::testing::TestWithParam<const char*> {};

TEST_P(Reference, LogitsAndGreedyTokens) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, std::string("data/") + GetParam());
  const at::NoGradGuard no_gradients;
  const auto model = testing::all_families()->load(folder / "hf", {});
  const auto reference = read_json(folder / "reference.json");
  ASSERT_FALSE(reference.empty());
  for (const auto& item : reference) {
    const auto ids = item["ids"].get<std::vector<std::int64_t>>();
    const auto logits = model->forward({.tokens = ids_tensor(ids)}, {}).logits;
    const auto logp = at::log_softmax(logits, -1);
    for (std::size_t at = 0; at + 1 < ids.size(); ++at) {
      EXPECT_NEAR(logp[static_cast<std::int64_t>(at)][ids[at + 1]].item<double>(),
                  item["logprob_of_next"][at].get<double>(), 1e-4);
    }
    for (const auto& top : item["last_top5"]) {
      EXPECT_NEAR(logits[-1][top[0].get<std::int64_t>()].item<double>(), top[1].get<double>(), 1e-4);
    }
    const auto expected = item["greedy_ids"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(greedy(*model, ids, expected.size()), expected) << item["text"];
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Reference, ::testing::Values("model_stories260k", "model_stories3m"));

}  // namespace
}  // namespace touchstone
