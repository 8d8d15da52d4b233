#include "tasks/micro/endless.hpp"
#include "tasks/micro/pictures.hpp"

namespace touchstone {
namespace {

Example draw(std::uint64_t seed, std::uint64_t index) {
  auto document = micro::picture_document(seed, index);
  Example example;
  example.targets = {std::move(document.text)};
  example.facts = {{"kind", document.kind}};
  example.images = {std::move(document.picture)};
  return example;
}

}  // namespace

namespace plugins {

void micro_pictures(TaskBook& book) {
  book.tasks.add(
      "micro-pictures",
      micro::endless_task(
          {.name = "micro-pictures",
           .summary = "pictures of mazes and charts with what is said of them, for pre-training, as many as wanted",
           .sample = 200,
           .draw = draw}));
}

}  // namespace plugins
}  // namespace touchstone
