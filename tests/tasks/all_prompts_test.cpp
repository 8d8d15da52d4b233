// Every prompt of MMLU with five shots, against lm-evaluation-harness.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/base/hash.hpp"
#include "harness/data/prompt.hpp"
#include "harness/data/task.hpp"
#include "tasks/book.hpp"
#include "tests/support/support.hpp"

namespace touchstone {

namespace {

// SHA-256 over the hexadecimal SHA-256 of each prompt, tasks by name, documents in order: what lm-evaluation-harness
// 0.4.13 wrote of the published files (scripts/peers/lm_eval_run.py --tasks mmlu --shots 5 --prompts-only).
constexpr const char* of_the_reference = "0140c99f0969c452faf7df5e40a60e9b6fdf0b03755a124364956e55efa59b06";

TEST(AllPrompts, AreTheReferences) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/mmlu");
  const DataFolders data({folder.parent_path()});
  TaskBook book;
  add_tasks(book);
  auto leaves = book.expand("mmlu");
  std::sort(leaves.begin(), leaves.end());
  EXPECT_EQ(leaves.size(), 57U);
  PromptSettings settings;
  settings.shots = 5;
  Sha256 all;
  std::size_t requests = 0;
  for (const auto& leaf : leaves) {
    const Task& task = book.tasks.get(leaf);
    const auto examples = task.load(Split::test, data);
    const auto contexts = build_contexts(task, examples, task.load(Split::dev, data), settings);
    ASSERT_EQ(contexts.size(), examples.size());
    for (std::size_t at = 0; at < examples.size(); ++at) {
      all.add(sha256(contexts[at]));
      requests += task.ask(examples[at], contexts[at], {}).size();
    }
  }
  EXPECT_EQ(requests, 56168U);
  EXPECT_EQ(all.hex(), of_the_reference);
}

}  // namespace
}  // namespace touchstone
