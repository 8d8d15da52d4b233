#include "tasks/parts/humaneval_form.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "harness/base/error.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/measure/pass_at.hpp"
#include "tasks/parts/code_check.hpp"
#include "tasks/parts/filters.hpp"

namespace touchstone {
namespace {

/// The stop texts of a completion, in the reference's order.
const std::vector<std::string> stops = {"\nclass", "\ndef", "\n#", "\nif", "\nprint"};

bool is_identifier(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c); });
}

/// The model's part of the program: all of it, or the text up to the end of the fenced block.
std::string completion_of(const HumanEvalForm& form, const std::string& text) {
  return form.instruct ? text.substr(0, text.find("```")) : text;
}

/// The outcomes as the metrics count them; "killed" includes all that the sandbox or the program itself cut short.
constexpr std::array<const char*, 5> failure_names = {"wrong_answer", "exception", "syntax_error", "timeout", "killed"};

const char* failure_of(CodeEnding ending) {
  switch (ending) {
    case CodeEnding::passed:
      return "";
    case CodeEnding::wrong_answer:
      return failure_names[0];
    case CodeEnding::exception:
      return failure_names[1];
    case CodeEnding::syntax_error:
      return failure_names[2];
    case CodeEnding::timed_out:
      return failure_names[3];
    case CodeEnding::out_of_memory:
    case CodeEnding::ended_early:
    case CodeEnding::unsupported:
      return failure_names[4];
  }
  return "";
}

CodeResult run_one(const Sandbox& sandbox, const Example& example, const std::string& completion) {
  CodeCheck check;
  check.prelude = example.facts.at("prompt");
  check.program = check.prelude + completion;
  check.tests = example.facts.at("tests");
  check.names = {example.facts.at("entry_point")};
  try {
    return check_code(sandbox, check);
  } catch (const Error& error) {
    throw error.in("in " + example.id);
  }
}

/// "passed", or how often each outcome came, the most frequent first.
std::string describe(const std::map<std::string, int>& counts, std::size_t samples) {
  if (samples == 1) return counts.begin()->first;
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [name, count] : counts) order.emplace_back(-count, name);
  std::sort(order.begin(), order.end());
  std::vector<std::string> parts;
  for (const auto& [count, name] : order) parts.push_back(std::to_string(-count) + " " + name);
  return join(parts, ", ");
}

Verdict judge(const HumanEvalForm& form, const Sandbox& sandbox, const Example& example, const Response& response) {
  std::map<std::string, CodeResult> results;  // sampling at a low temperature repeats itself
  std::map<std::string, int> counts;
  std::map<std::string, double> failures;
  int passed = 0;
  Verdict verdict;
  const auto samples = response.generated.size();
  for (std::size_t at = 0; at < samples; ++at) {
    const auto completion = completion_of(form, response.generated[at].text);
    auto found = results.find(completion);
    if (found == results.end()) found = results.emplace(completion, run_one(sandbox, example, completion)).first;
    const auto& result = found->second;
    const bool right = result.ending == CodeEnding::passed;
    passed += right ? 1 : 0;
    if (!right) failures[failure_of(result.ending)] += 1.0 / static_cast<double>(samples);
    counts[samples == 1 ? result.detail : code_ending_name(result.ending)] += 1;
    if (at != 0) continue;
    verdict.correct = right;
    verdict.extracted = completion;
    verdict.parsed = result.ending != CodeEnding::syntax_error;
  }
  for (const int k : form.ks) {
    verdict.values["pass@" + std::to_string(k) + ",create_test"] = pass_at(static_cast<int>(samples), passed, k);
  }
  for (const char* failure : failure_names) verdict.values[std::string(failure) + ",create_test"] = failures[failure];
  verdict.score = verdict.values["pass@" + std::to_string(form.ks.front()) + ",create_test"];
  verdict.detail = describe(counts, samples);
  verdict.confidence = answer_confidence(response);
  return verdict;
}

}  // namespace

Example humaneval_example(const HumanEvalForm& form, const DataRow& row, const std::string& id) {
  const auto& prompt = row.text("prompt");
  const auto& entry = row.text("entry_point");
  require(is_identifier(entry), Fault::data,
          [&] { return row.where + ": key 'entry_point': found '" + entry + "', expected the name of a function"; });
  Example example;
  example.id = id;
  example.question = prompt;
  if (form.instruct) {
    example.question =
        "Write a solution to the following problem and make sure that it passes the tests:\n```python\n" + prompt +
        "\n```\n";
    example.facts["gen_prefix"] = "Here is the completed function:\n```python\n" + prompt + "\n";
  }
  example.targets = {row.text("canonical_solution")};
  const auto tests = row.text("test") + "\ncheck(" + entry + ")";
  example.facts["prompt"] = prompt;
  example.facts["entry_point"] = entry;
  example.facts["tests"] = tests;
  example.facts["reference_target"] = tests;
  example.doc_hash = document_hash(row.value);
  return example;
}

Task humaneval_task(const HumanEvalForm& form, const std::shared_ptr<LazySandbox>& sandbox) {
  Task task;
  task.name = form.name;
  task.version = form.version;
  task.summary = form.summary;
  task.format.target_delimiter = "";  // the prompt ends just before the body of the function
  task.format.shots_fixed = true;
  for (const int k : form.ks) task.metrics.push_back({.name = "pass@" + std::to_string(k) + ",create_test"});
  for (const char* failure : failure_names) {
    task.metrics.push_back({.name = std::string(failure) + ",create_test", .higher_is_better = false});
  }
  task.ask = [form, sandbox](const Example& example, const std::string& context,
                             const AskSettings& settings) -> std::vector<Request> {
    sandbox->get();  // refuses before hours of generation, not after
    return {Generation{.context = context,
                       .max_new_tokens = form.max_new_tokens,
                       .temperature = form.temperature,
                       .top_p = form.top_p,
                       .until = stops,
                       .samples = form.samples,
                       .seed = derive_seed(settings.seed, example.id)}};
  };
  task.judge = [form, sandbox](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge(form, sandbox->get(), example, responses.front());
  };
  return task;
}

}  // namespace touchstone
