#include "tasks/micro/chart.hpp"
#include "tasks/micro/corpus.hpp"
#include "tasks/micro/endless.hpp"

namespace touchstone {
namespace {

Example draw(std::uint64_t seed, std::uint64_t index) {
  auto document = micro::document(seed, index);
  Example example;
  example.targets = {std::move(document.text)};
  example.facts = {{"kind", document.kind->name}};
  return example;
}

/// Tables of charts, asked often enough that they must be looked up.
Example draw_charts(std::uint64_t seed, std::uint64_t index) {
  Draws draws(seed + index * 0x9e3779b97f4a7c15ULL, "asked table");
  Example example;
  example.targets = {micro::charts(6, 8, draws)};
  example.facts = {{"kind", "chart"}};
  return example;
}

}  // namespace

namespace plugins {

void micro_corpus(TaskBook& book) {
  book.tasks.add("micro-corpus",
                 micro::endless_task({.name = "micro-corpus",
                                      .summary = "text of the micro world for pre-training, as long as wanted",
                                      .sample = 1000,
                                      .draw = draw}));
  book.tasks.add("micro-charts",
                 micro::endless_task({.name = "micro-charts",
                                      .summary = "tables of charts in text, each asked six to eight times, as many as "
                                                 "wanted",
                                      .sample = 200,
                                      .draw = draw_charts}));
}

}  // namespace plugins
}  // namespace touchstone
