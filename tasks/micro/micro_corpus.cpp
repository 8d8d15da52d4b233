#include <tbb/parallel_for.h>

#include <cmath>
#include <numbers>

#include "harness/base/hash.hpp"
#include "harness/data/task.hpp"
#include "tasks/micro/corpus.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone {
namespace {

constexpr std::uint64_t kSample = 1000;
constexpr std::uint64_t kHeldOutSeed = 0x746f756368ULL;  ///< no job can have it by accident

/// Documents of one seed; the identifier says which, so that a run's rows can be made again.
std::vector<Example> documents(std::uint64_t seed, std::uint64_t first, std::uint64_t count, const std::string& split) {
  std::vector<Example> examples(count);
  tbb::parallel_for(std::uint64_t{0}, count, [&](std::uint64_t i) {
    auto document = micro::document(seed, first + i);
    auto& example = examples[i];
    example.id = "micro-corpus/" + split + "/" + std::to_string(first + i);
    example.targets = {std::move(document.text)};
    example.facts = {{"kind", document.kind->name}};
    example.doc_hash = split == "test" || count <= kSample ? sha256(example.targets.front()) : std::string();
  });
  return examples;
}

/// Bits that the model needs for each byte of the document.
Verdict judge(const Example& example, const Response& response) {
  const auto bytes = static_cast<double>(example.targets.front().size());
  Verdict verdict;
  verdict.values["bits_per_byte,none"] = -response.logp_nats / std::numbers::ln2 / bytes;
  verdict.score = std::exp(response.logp_nats / bytes);
  return verdict;
}

}  // namespace

namespace plugins {

void micro_corpus(TaskBook& book) {
  Task task;
  task.name = "micro-corpus";
  task.version = micro::kWorldVersion;
  task.summary = "text of the micro world for pre-training, as long as wanted";
  task.source = "made by the program";
  task.format.target_delimiter = "";
  task.format.shots_fixed = true;
  task.metrics = {{.name = "bits_per_byte,none", .higher_is_better = false, .aggregate = {}}};
  task.load = [](Split split, const DataFolders&) {
    return documents(split == Split::train ? 1 : kHeldOutSeed, 0, kSample, split_name(split));
  };
  task.stream = [](std::uint64_t seed, std::uint64_t first, std::uint64_t count) {
    return documents(seed, first, count, split_name(Split::train));
  };
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Likelihood{.context = context, .continuation = example.targets.front(), .images = {}}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge(example, responses.front());
  };
  book.tasks.add(task.name, task);
}

}  // namespace plugins
}  // namespace touchstone
