#include "trainers/loops/answering.hpp"

namespace touchstone {
namespace plugins {
void equal(TrainerBook& book) {
  book.rewards.add("equal", {.summary = "1 where the answer is word for word one of the item's targets, else 0",
                             .make = [](Options&, const TrainerBook&) -> Reward {
                               return [](const Judged& judged) -> std::optional<double> {
                                 const auto* example = judged.record.example.get();
                                 if (example == nullptr) return std::nullopt;
                                 return equals_target(*example, judged.answer().text) ? 1.0 : 0.0;
                               };
                             }});
}
}  // namespace plugins
}  // namespace touchstone
