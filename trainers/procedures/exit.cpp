#include "harness/train/stage.hpp"

namespace touchstone {
namespace plugins {

/// The exits of "Sorted LLaMA: Unlocking the Potential of Intermediate Layers of LLMs for Dynamic Inference", arXiv
/// 2309.08968, section 3.2, one for all tokens: the last norm and the head read the state after that layer.
void exit(TrainerBook& book) {
  book.procedures.add("exit", {.summary = "answers come from a lower layer; those above are not run (arXiv 2309.08968)",
                               .make = [](Options& options) {
                                 Procedure procedure;
                                 procedure.depth = static_cast<int>(options.integer(
                                     "layer", "so many layers are run; the norm and the head of the whole model follow",
                                     {.min = 1, .max = 1 << 20}));
                                 return procedure;
                               }});
}

}  // namespace plugins
}  // namespace touchstone
