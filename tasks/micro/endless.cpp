#include "tasks/micro/endless.hpp"

#include <tbb/parallel_for.h>

#include "harness/base/hash.hpp"
#include "tasks/micro/words.hpp"
#include "tasks/parts/bits_per_byte.hpp"

namespace touchstone::micro {
namespace {

constexpr std::uint64_t held_out_seed =
    0x746f756368ULL;  ///< no job can have it by accident; the next one is validation's

std::string hash_of(const Example& example) {
  auto whole = example.targets.front();
  for (const auto& media : example.media) whole += media_hash(media);
  return sha256(whole);
}

std::vector<Example> documents(const Endless& data, std::uint64_t seed, std::uint64_t first, std::uint64_t count,
                               const std::string& split) {
  std::vector<Example> examples(count);
  tbb::parallel_for(std::uint64_t{0}, count, [&](std::uint64_t i) {
    auto& example = examples[i];
    example = data.draw(seed, first + i);
    example.id = data.name + "/" + split + "/" + std::to_string(first + i);
    if (split == "test" || count <= data.sample) example.doc_hash = hash_of(example);
  });
  return examples;
}

}  // namespace

Task endless_task(const Endless& data) {
  Task task;
  task.name = data.name;
  task.family = data.family;
  task.version = world_version;
  task.summary = data.summary;
  task.source = "made by the program";
  task.format.target_delimiter = "";
  task.format.shots_fixed = true;
  task.metrics = {bits_per_byte_metric()};
  task.load = [data](Split split, const DataFolders&) {
    check_split(data.name, split);
    const auto seed = split == Split::train ? 1 : split == Split::validation ? held_out_seed + 1 : held_out_seed;
    return documents(data, seed, 0, data.sample, split_name(split));
  };
  task.stream = [data](std::uint64_t seed, std::uint64_t first, std::uint64_t count) {
    return documents(data, seed, first, count, split_name(Split::train));
  };
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Likelihood{.context = context, .continuation = example.targets.front(), .media = example.media}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge_bits_per_byte(example.targets.front(), responses.front());
  };
  return task;
}

}  // namespace touchstone::micro
