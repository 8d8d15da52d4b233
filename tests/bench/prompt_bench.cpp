// How long it takes to write the prompts of all of MMLU with five shots, from the files. Needs the real data:
// TOUCHSTONE_DATA=DIR bench_prompts, or a folder shared/ beside the checkout.
#include <benchmark/benchmark.h>
#include <tbb/parallel_for.h>

#include <cstdlib>
#include <numeric>
#include <optional>

#include "harness/measure/measure.hpp"
#include "tasks/book.hpp"
#include "tests/support/support.hpp"

namespace touchstone {

namespace {

std::optional<DataFolders> data_folders() {
  if (const char* named = std::getenv("TOUCHSTONE_DATA")) return DataFolders({std::filesystem::path(named)});
  if (const auto found = testing::shared("data")) return DataFolders({*found});
  return std::nullopt;
}

/// Answers nothing, at once.
class NoEngine : public Engine {
 public:
  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>&,
                               const CancelFlag*) override {
    return std::vector<Response>(requests.size());
  }
  const EngineInfo& info() const override { return info_; }
  EngineCounts counts() const override { return {}; }
  const ChatTemplate* chat_template() const override { return nullptr; }

 private:
  EngineInfo info_;
};

/// Reading the files, writing the contexts and making the requests.
void mmlu_requests(benchmark::State& state) {
  const auto data = data_folders();
  if (!data) {
    state.SkipWithError("no data folder: set TOUCHSTONE_DATA");
    return;
  }
  TaskBook book;
  add_tasks(book);
  const auto leaves = book.expand("mmlu");
  std::size_t requests = 0;
  for ([[maybe_unused]] const auto iteration : state) {
    std::vector<std::vector<Request>> asked(leaves.size());
    tbb::parallel_for(std::size_t{0}, leaves.size(), [&](std::size_t i) {
      const Task& task = book.tasks.get(leaves[i]);
      PromptSettings settings;
      settings.shots = 5;
      const auto examples = task.load(Split::test, *data);
      const auto contexts = build_contexts(task, examples, task.load(Split::dev, *data), settings);
      for (std::size_t k = 0; k < examples.size(); ++k) {
        for (auto& request : task.ask(examples[k], contexts[k], {})) asked[i].push_back(std::move(request));
      }
    });
    requests = std::accumulate(asked.begin(), asked.end(), std::size_t{0},
                               [](std::size_t sum, const auto& own) { return sum + own.size(); });
    benchmark::DoNotOptimize(asked);
  }
  state.counters["requests"] = static_cast<double>(requests);
  state.SetItemsProcessed(static_cast<std::int64_t>(requests) * static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(mmlu_requests)->Unit(benchmark::kMillisecond)->UseRealTime();

/// All that a measurement does around the model: hashes of data and prompts, judging and aggregating too.
void mmlu_measure_without_model(benchmark::State& state) {
  const auto data = data_folders();
  if (!data) {
    state.SkipWithError("no data folder: set TOUCHSTONE_DATA");
    return;
  }
  TaskBook book;
  add_tasks(book);
  MeasureSettings settings;
  settings.tasks = {"mmlu"};
  settings.shots = 5;
  NoEngine engine;
  for ([[maybe_unused]] const auto iteration : state) {
    benchmark::DoNotOptimize(measure(settings, book, *data, engine));
  }
}
BENCHMARK(mmlu_measure_without_model)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace touchstone

BENCHMARK_MAIN();
