#include "tasks/micro/corpus.hpp"
#include "tasks/micro/endless.hpp"

namespace touchstone {
namespace {

using micro::Edition;

template <Edition edition>
Example draw_corpus(std::uint64_t seed, std::uint64_t index) {
  auto document = micro::document(edition, seed, index);
  Example example;
  example.targets = {std::move(document.text)};
  example.facts = {{"kind", document.kind->name}};
  return example;
}

template <Edition edition>
void add_corpus(TaskBook& book, const std::string& name, const std::string& summary) {
  book.tasks.add(
      name,
      micro::endless_task(
          {.name = name, .family = "micro-corpus", .summary = summary, .sample = 1000, .draw = draw_corpus<edition>}));
}

}  // namespace

namespace plugins {

void micro_corpus(TaskBook& book) {
  add_corpus<Edition::plain>(book, "micro-corpus", "text of the micro world for pre-training, as long as wanted");
  add_corpus<Edition::bilingual>(book, "micro-corpus-ab", "the same, and a fifteenth of it in language B");
  add_corpus<Edition::cold>(book, "micro-corpus-cold", "the same with answers alone: no working, no function's body");
}

}  // namespace plugins
}  // namespace touchstone
