// How fast the pre-training text is made, on one core: ninja bench_micro && ./bench_micro. The wanted rate is a million
// tokens (about four million bytes) a second.
#include <benchmark/benchmark.h>

#include "harness/measure/measure.hpp"
#include "tasks/book.hpp"
#include "tasks/micro/corpus.hpp"
#include "tasks/micro/draw_chart.hpp"

namespace touchstone {}

namespace {

void corpus(benchmark::State& state) {
  std::uint64_t at = 0;
  double tokens = 0;
  std::int64_t bytes = 0;
  for (auto _ : state) {
    const auto document = touchstone::micro::document(touchstone::micro::Edition::plain, 1, at++);
    bytes += static_cast<std::int64_t>(document.text.size());
    tokens += touchstone::micro::estimated_tokens(document.text);
  }
  state.SetBytesProcessed(bytes);
  state.counters["tokens"] = benchmark::Counter(tokens, benchmark::Counter::kIsRate);
}
BENCHMARK(corpus);

void kind(benchmark::State& state) {
  const auto& kind = touchstone::micro::document_kinds()[static_cast<std::size_t>(state.range(0))];
  touchstone::Draws draws(1, kind.name);
  std::int64_t bytes = 0;
  for (auto _ : state) bytes += static_cast<std::int64_t>(kind.document(draws).size());
  state.SetBytesProcessed(bytes);
  state.SetLabel(kind.name);
}
BENCHMARK(kind)->DenseRange(0, static_cast<int>(touchstone::micro::document_kinds().size()) - 1);

void drawing(benchmark::State& state) {
  touchstone::Draws draws(1, "bench");
  for (auto _ : state) {
    const auto chart = touchstone::micro::draw_chart({}, draws);
    benchmark::DoNotOptimize(touchstone::micro::draw_chart(chart, 128, 128));
  }
}
BENCHMARK(drawing);

/// All items of a task, and what identifies them: asked for by every cell of a plan.
void identity(benchmark::State& state, const char* name) {
  touchstone::TaskBook book;
  touchstone::add_tasks(book);
  for (auto _ : state) {
    for (const auto& leaf : book.expand(name)) {
      benchmark::DoNotOptimize(touchstone::data_identity(book.tasks.get(leaf), {}));
    }
  }
}
BENCHMARK_CAPTURE(identity, mmlu, "micro-mmlu");
BENCHMARK_CAPTURE(identity, gsm8k, "micro-gsm8k");
BENCHMARK_CAPTURE(identity, humaneval, "micro-humaneval");
BENCHMARK_CAPTURE(identity, truthfulqa, "micro-truthfulqa-mc1");

}  // namespace

BENCHMARK_MAIN();
