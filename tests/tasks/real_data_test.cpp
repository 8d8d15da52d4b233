// Contexts, hashes and scores on the real data against lm-evaluation-harness 0.4.13 run on the same files, with a model
// that is a hash function. What that run gave is kept as digests in lm_eval_real_data.json.
#include <gtest/gtest.h>

#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/measure/measure.hpp"
#include "tasks/book.hpp"
#include "tests/support/hash_engine.hpp"
#include "tests/support/support.hpp"

namespace touchstone {

namespace {

/// The first eight bytes of SHA-256, most significant first.
std::uint64_t short_hash(std::string_view bytes) { return std::stoull(sha256(bytes).substr(0, 16), nullptr, 16); }

/// Five kinds of answers, some with the form that a task asks for.
std::string varied_text(std::uint64_t hash) {
  const auto number = (hash >> 16U) % 97U;
  const auto n = std::to_string(number);
  const std::string letter(1, static_cast<char>('A' + static_cast<char>(number % 4U)));
  switch ((hash >> 33U) % 5U) {
    case 0:
      return " Thinking " + n + ".\nThe answer is " + n + ".\n#### " + n + "\n\nQuestion: extra";
    case 1:
      return " So 3 + " + n + " is $" + n + ",000.50. The final answer is " + n + "\n";
    case 2:
      return " A: Nothing in particular happens " + n + " times. I have no comment.\n\nQ: x";
    case 3:
      return " (" + letter + ") that\nmore";
    default:
      return " " + letter + ".\nmore";
  }
}

Json reference_runs() {
  return read_json(std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/tasks/lm_eval_real_data.json");
}

/// Settings that the reference's digest holds for a task's generations.
std::vector<std::string> settings_keys(const std::string& task) {
  if (task == "gsm8k") return {"do_sample", "temperature"};
  if (task.starts_with("gsm8k")) return {"do_sample"};
  if (task == "truthfulqa_gen") return {"do_sample", "max_gen_toks", "temperature"};
  if (task == "humaneval") return {"do_sample", "max_gen_toks"};
  return {};
}

/// Every number that the reference printed for a task or group; NaN errors stand as null.
void expect_scores(const Json& wanted, const std::string& name, const std::vector<Score>& scores) {
  if (!wanted.contains(name)) return;
  for (const auto& item : wanted.at(name).items()) {
    const auto comma = item.key().find(',');
    auto metric = item.key().substr(0, comma);
    const bool error = metric.ends_with("_stderr");
    if (error) metric.resize(metric.size() - 7);
    metric += item.key().substr(comma);
    bool found = false;
    for (const auto& score : scores) {
      if (score.metric != metric) continue;
      found = true;
      EXPECT_NEAR(error ? score.stderror : score.value, item.value().get<double>(), 1e-12) << name << " " << item.key();
    }
    EXPECT_TRUE(found) << name << " " << item.key();
  }
}

class RealData : public ::testing::TestWithParam<int> {};

TEST_P(RealData, PromptsHashesAndScoresAreTheReferences) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/mmlu");
  const Json run = reference_runs().at(static_cast<std::size_t>(GetParam()));
  const auto name = run.at("task").get<std::string>();
  SCOPED_TRACE(name);
  TaskBook book;
  add_tasks(book);
  if (!book.tasks.has(name) && !book.groups.has(name)) GTEST_SKIP() << "no task " << name;
  MeasureSettings settings;
  settings.tasks = {name};
  settings.shots = run.at("shots").is_null() ? -1 : run.at("shots").get<int>();
  settings.limit = run.at("limit").is_null() ? 0 : run.at("limit").get<double>();
  testing::HashEngine engine(varied_text, short_hash);
  const auto result = measure(settings, book, DataFolders({folder.parent_path()}), engine);
  EXPECT_EQ(engine.asked().size(), run.at("requests").get<std::size_t>());
  EXPECT_EQ(engine.calls().size(), 1U);  // all tasks together
  EXPECT_EQ(testing::request_digest(engine.asked(), settings_keys(name)), run.at("digest").get<std::string>());
  Sha256 hashes;
  std::size_t samples = 0;
  for (const auto& task : result.tasks) {
    for (const auto& sample : task.samples) hashes.add(sample.doc_hash + sample.prompt_hash + sample.target_hash);
    samples += task.samples.size();
    expect_scores(run.at("numbers"), task.task, task.scores);
  }
  for (const auto& group : result.groups) expect_scores(run.at("numbers"), group.group, group.scores);
  EXPECT_EQ(samples, run.at("samples").get<std::size_t>());
  EXPECT_EQ(hashes.hex(), run.at("hashes").get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Slices, RealData, ::testing::Range(0, static_cast<int>(reference_runs().size())));

}  // namespace
}  // namespace touchstone
