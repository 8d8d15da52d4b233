#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/data/task.hpp"

namespace touchstone {

/// How a whole measurement writes its prompts.
struct PromptSettings {
  int shots = -1;  ///< -1: the task's own number
  std::uint64_t fewshot_seed = 1234;
  std::string system_instruction;
  /// Renders a dialog with the model's chat template; empty: plain text. `add_generation_prompt` is false when the last
  /// turn is an assistant prefix (gen_prefix). Text that the template writes after that prefix is then cut off.
  std::function<std::string(const Dialog&, bool add_generation_prompt)> chat;
  bool multiturn = true;  ///< shots as turns of their own; false: everything in one user turn
  /// `fixed`: each document draws shots of its own and never itself; when a template refuses a system turn, the
  /// system text goes into the first user turn.
  Mode mode = Mode::compat;
  /// Called at most once a call with what was done to a prompt that the user should know; may be empty.
  std::function<void(const std::string&)> warn;
};

/// The number of shots for a task when the user asks for `wanted` (-1: the user says nothing).
int shots_of(const Task& task, int wanted);

/// The contexts of all `examples` in their order, shots drawn in single-rank order whatever the parallelism, exactly as
/// lm-evaluation-harness (fewshot_context, build_qa_turn) writes them. `pool` is the split that shots come from.
std::vector<std::string> build_contexts(const Task& task, std::span<const Example> examples,
                                        std::span<const Example> pool, const PromptSettings& settings);

/// The dialog of one example with its shots, before it is rendered to text.
Dialog build_dialog(const Task& task, const Example& example, std::span<const Example* const> shots,
                    const PromptSettings& settings);

/// A dialog as plain text: the turns' text, each followed by its delimiter.
std::string plain_text(const Dialog& dialog);

/// The dialog of an example without shots that training sees, and the text of the answer. In plain text the last turn's
/// delimiter stands between the two. Move white space from the end of plain_text(prompt) to the front of
/// the answer, as Likelihood does; the trained tokens are then those that an evaluation asks for. With a chat
/// template the delimiters are dropped and the answer is used unchanged.
struct TrainingPair {
  Dialog prompt;
  std::string answer;
};
TrainingPair training_pair(const Task& task, const Example& example);

}  // namespace touchstone
