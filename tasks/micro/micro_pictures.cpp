#include "tasks/micro/endless.hpp"
#include "tasks/micro/pictures.hpp"

namespace touchstone {
namespace {

using micro::PictureLesson;

template <PictureLesson lesson>
Example draw_pictures(std::uint64_t seed, std::uint64_t index) {
  auto document = micro::picture_document(seed, index, lesson);
  Example example;
  example.targets = {std::move(document.text)};
  example.facts = {{"kind", document.kind}};
  example.media = {std::move(document.picture)};
  return example;
}

void add_pictures(TaskBook& book, const micro::Endless& data) { book.tasks.add(data.name, micro::endless_task(data)); }

}  // namespace

namespace plugins {

void micro_pictures(TaskBook& book) {
  add_pictures(book, {.name = "micro-pictures",
                      .family = "micro-pictures",
                      .summary = "pictures of mazes and charts, asked and told, for pre-training, as many as wanted",
                      .sample = 200,
                      .draw = draw_pictures<PictureLesson::asked>});
  add_pictures(book, {.name = "micro-pictures-told",
                      .family = "micro-pictures",
                      .summary = "the same told only, line by line: the first that eyes can learn from",
                      .sample = 200,
                      .draw = draw_pictures<PictureLesson::told>});
  add_pictures(book,
               {.name = "micro-bars-told",
                .family = "micro-bars",
                .summary = "charts of upright bars told by their tables: what eyes learn to tell marks apart from",
                .sample = 200,
                .draw = draw_pictures<PictureLesson::bars_told>});
}

}  // namespace plugins
}  // namespace touchstone
