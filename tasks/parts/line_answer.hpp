#pragma once
#include <functional>

#include "harness/data/task.hpp"

namespace touchstone {

/// The task asks once for the continuation of the prompt (with its pictures) up to the end of the line, within
/// `max_new_tokens`; `judge` sees that response.
void asks_for_a_line(Task& task, int max_new_tokens, std::function<Verdict(const Example&, const Response&)> judge);

}  // namespace touchstone
