#include "tasks/parts/line_answer.hpp"

namespace touchstone {

void asks_for_a_line(Task& task, int max_new_tokens, std::function<Verdict(const Example&, const Response&)> judge) {
  task.ask = [max_new_tokens](const Example& example, const std::string& context,
                              const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .media = example.media, .max_new_tokens = max_new_tokens, .until = {"\n"}}};
  };
  task.judge = [judge = std::move(judge)](const Example& example, std::span<const Response> responses,
                                          const AskSettings&) { return judge(example, responses.front()); };
}

}  // namespace touchstone
