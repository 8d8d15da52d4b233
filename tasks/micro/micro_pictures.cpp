#include "tasks/micro/chart.hpp"
#include "tasks/micro/endless.hpp"
#include "tasks/micro/pictures.hpp"

namespace touchstone {
namespace {

template <bool asked>
Example draw(std::uint64_t seed, std::uint64_t index) {
  auto document = micro::picture_document(seed, index, asked);
  Example example;
  example.targets = {std::move(document.text)};
  example.facts = {{"kind", document.kind}};
  example.images = {std::move(document.picture)};
  return example;
}

void add(TaskBook& book, const micro::Endless& data) {
  auto task = micro::endless_task(data);
  task.version = micro::kDrawnVersion;
  book.tasks.add(data.name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_pictures(TaskBook& book) {
  add(book, {.name = "micro-pictures",
             .summary = "pictures of mazes and charts, asked and told, for pre-training, as many as wanted",
             .sample = 200,
             .draw = draw<true>});
  add(book, {.name = "micro-pictures-told",
             .summary = "the same told only, line by line: the first that eyes can learn from",
             .sample = 200,
             .draw = draw<false>});
}

}  // namespace plugins
}  // namespace touchstone
