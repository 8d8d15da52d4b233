#include "tasks/micro/corpus.hpp"
#include "tasks/micro/endless.hpp"

namespace touchstone {
namespace {

Example draw_corpus(std::uint64_t seed, std::uint64_t index) {
  auto document = micro::document(seed, index);
  Example example;
  example.targets = {std::move(document.text)};
  example.facts = {{"kind", document.kind->name}};
  return example;
}

}  // namespace

namespace plugins {

void micro_corpus(TaskBook& book) {
  book.tasks.add("micro-corpus",
                 micro::endless_task({.name = "micro-corpus",
                                      .family = "micro-corpus",
                                      .summary = "text of the micro world for pre-training, as long as wanted",
                                      .sample = 1000,
                                      .draw = draw_corpus}));
}

}  // namespace plugins
}  // namespace touchstone
