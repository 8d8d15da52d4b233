#include "harness/data/tool_call.hpp"

#include <algorithm>

#include "harness/data/prompt.hpp"
#include "trainers/loops/answering.hpp"

namespace touchstone {
namespace {

/// The reward of each kind of call: the paper's numbers. They do not rise with the number of right parts.
struct CallWorth {
  double no_call = -2.0;  ///< the text is no call, or calls a tool that is not listed
  double wrong_tool = -1.5;
  double invented_superfluous_missing = -1.8;
  double invented_and_other = -1.3;
  double superfluous_missing = -1.0;
  double invented = -0.8;
  double superfluous_or_missing = -0.5;
  double wrong_value = -0.25;
  double right = 1.0;
};

bool has_other(const std::map<std::string, std::string>& one, const std::map<std::string, std::string>& two) {
  return std::any_of(one.begin(), one.end(), [&](const auto& argument) { return two.count(argument.first) == 0; });
}

/// The reward of a text as the call of one of the listed tools, by the names and values of its arguments: these may be
/// invented (not in the tool's signature), superfluous (in the signature, not in the gold call) or missing. Source:
/// "TL-Training", arXiv 2412.15495, section 4.3, from the authors' code (irm/dschat/rlhf/ppo_trainer.py).
double call_worth(const std::string& text, const ToolCall& gold,
                  const std::map<std::string, std::set<std::string>>& tools, CallForm form, const CallWorth& worth) {
  const auto call = first_call(text, form);
  if (!call || tools.count(call->name) == 0) return worth.no_call;
  if (call->name != gold.name) return worth.wrong_tool;
  const auto& signature = tools.at(call->name);
  bool invented = false;
  bool superfluous = false;
  for (const auto& [name, value] : call->arguments) {
    if (signature.count(name) == 0) {
      invented = true;
    } else if (gold.arguments.count(name) == 0) {
      superfluous = true;
    }
  }
  const bool missing = has_other(gold.arguments, call->arguments);
  if (invented && superfluous && missing) return worth.invented_superfluous_missing;
  if (invented && (superfluous || missing)) return worth.invented_and_other;
  if (superfluous && missing) return worth.superfluous_missing;
  if (invented) return worth.invented;
  if (superfluous || missing) return worth.superfluous_or_missing;
  return call->arguments == gold.arguments ? worth.right : worth.wrong_value;
}

Reward make_tool_call(Options& options, const TrainerBook&) {
  const bool strict = options.text("form",
                                   "extended: calls as Python reads them; strict: by the paper's pattern, which reads "
                                   "only arguments in single quotes",
                                   {.fallback = "extended", .choices = {"extended", "strict"}}) == "strict";
  const auto form = strict ? CallForm::strict : CallForm::extended;
  CallWorth worth;
  const auto read = [&](double& value, const char* key, const char* help) {
    value = options.number(key, help, {.fallback = value, .min = -1e6, .max = 1e6});
  };
  read(worth.no_call, "no_call", "no call, or a call of a tool that the prompt does not list");
  read(worth.wrong_tool, "wrong_tool", "a call of another listed tool");
  read(worth.invented_superfluous_missing, "invented_superfluous_missing",
       "invented arguments (unknown to the tool), superfluous and missing ones");
  read(worth.invented_and_other, "invented_and_other", "invented ones, and superfluous or missing ones");
  read(worth.superfluous_missing, "superfluous_missing", "superfluous and missing ones");
  read(worth.invented, "invented", "invented ones alone");
  read(worth.superfluous_or_missing, "superfluous_or_missing", "superfluous or missing ones alone");
  read(worth.wrong_value, "wrong_value", "the right arguments with other values");
  read(worth.right, "right", "the gold call");
  return [form, worth](const Judged& judged) -> std::optional<double> {
    const auto& record = judged.record;
    if (record.example == nullptr) return std::nullopt;
    const auto& example = *record.example;
    const auto gold = example.targets.empty() ? std::nullopt : first_call(example.targets.front(), form);
    require(gold.has_value(), Fault::data, [&] {
      return "record '" + record.id + "': found a target that is not a call, expected name(argument='value')";
    });
    const auto tools = listed_tools(plain_text(record.prompt));
    require(tools.count(gold->name) != 0, Fault::data, [&] {
      return "record '" + record.id + "': the prompt does not list the tool '" + gold->name +
             "', expected its signature as \"def " + gold->name + "(...)\" or in JSON";
    });
    return call_worth(judged.answer().text, *gold, tools, form, worth);
  };
}

}  // namespace

namespace plugins {
void tool_call(TrainerBook& book) {
  book.rewards.add("tool_call", {.summary = "scores calls of listed tools by their faults (arXiv 2412.15495)",
                                 .make = make_tool_call});
}
}  // namespace plugins
}  // namespace touchstone
