#include "trainers/loops/answering.hpp"

namespace touchstone {
namespace plugins {
void equal(TrainerBook& book) {
  book.rewards.add("equal", {.summary = "1 where the answer is word for word one of the item's targets, else 0",
                             .make = [](Options&, const TrainerBook&) -> Reward {
                               return [](const TrainJob&, const Record& record, const std::string& text) {
                                 return equals_target(example_of(record), text) ? 1.0 : 0.0;
                               };
                             }});
}
}  // namespace plugins
}  // namespace touchstone
