#include <tbb/parallel_for.h>

#include <cmath>
#include <numbers>

#include "harness/base/hash.hpp"
#include "harness/data/picture.hpp"
#include "harness/data/task.hpp"
#include "tasks/micro/pictures.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone {
namespace {

constexpr std::uint64_t kSample = 200;
constexpr std::uint64_t kHeldOutSeed = 0x746f756368ULL;  ///< no job can have it by accident

/// Documents of one seed; the identifier says which, so that a run's rows can be made again.
std::vector<Example> documents(std::uint64_t seed, std::uint64_t first, std::uint64_t count, const std::string& split) {
  std::vector<Example> examples(count);
  tbb::parallel_for(std::uint64_t{0}, count, [&](std::uint64_t i) {
    auto document = micro::picture_document(seed, first + i);
    auto& example = examples[i];
    example.id = "micro-pictures/" + split + "/" + std::to_string(first + i);
    example.targets = {std::move(document.text)};
    example.facts = {{"kind", document.kind}};
    if (split == "test" || count <= kSample) {
      example.doc_hash = sha256(example.targets.front() + picture_hash(document.picture));
    }
    example.images = {std::move(document.picture)};
  });
  return examples;
}

/// Bits that the model needs for each byte of what is said of the picture.
Verdict judge(const Example& example, const Response& response) {
  const auto bytes = static_cast<double>(example.targets.front().size());
  Verdict verdict;
  verdict.values["bits_per_byte,none"] = -response.logp_nats / std::numbers::ln2 / bytes;
  verdict.score = std::exp(response.logp_nats / bytes);
  return verdict;
}

}  // namespace

namespace plugins {

void micro_pictures(TaskBook& book) {
  Task task;
  task.name = "micro-pictures";
  task.version = micro::kWorldVersion;
  task.summary = "pictures of mazes and charts with what is said of them, for pre-training, as many as wanted";
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
    return {Likelihood{.context = context, .continuation = example.targets.front(), .images = example.images}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge(example, responses.front());
  };
  book.tasks.add("micro-pictures", std::move(task));
}

}  // namespace plugins
}  // namespace touchstone
