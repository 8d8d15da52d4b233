#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "harness/base/error.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/code_check.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/pass_at.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* kSource = "Evaluating Large Language Models Trained on Code, arXiv 2107.03374; openai/human-eval";

/// What ends a completion, in the reference's order.
const std::vector<std::string> kStops = {"\nclass", "\ndef", "\n#", "\nif", "\nprint"};

/// One form of the benchmark.
struct Form {
  std::string name;
  std::string version;
  std::string summary;
  int samples = 1;
  double temperature = 0.0;
  double top_p = 1.0;
  std::vector<int> ks = {1};
  bool instruct = false;  ///< asked in words; the answer is a fenced block that begins with the prompt
};

/// The sandbox, opened (and tried) when the first task asks for it, and shared by all tasks of the book.
class LazySandbox {
 public:
  /// Throws Fault::sandbox, each time, where there is none.
  const Sandbox& get() {
    std::call_once(once_, [this] { box_.emplace(Sandbox::open()); });
    return *box_;
  }

 private:
  std::once_flag once_;
  std::optional<Sandbox> box_;
};

std::vector<DataFile> files() {
  return {{.split = Split::test,
           .paths = {"humaneval/HumanEval.jsonl.gz", "humaneval/HumanEval.jsonl", "humaneval/test.jsonl",
                     "humaneval/test.jsonl.gz"},
           .sha256 = "1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2",
           .licence = "MIT",
           .origin = "openai/human-eval, data/HumanEval.jsonl.gz"}};
}

bool is_identifier(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c); });
}

Example example_of(const Form& form, const Row& row, const std::string& id) {
  const auto& prompt = row.text("prompt");
  const auto& entry = row.text("entry_point");
  require(is_identifier(entry), Fault::data,
          [&] { return row.where + ": entry_point is '" + entry + "', wanted the name of a function"; });
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

std::vector<Example> load(const Form& form, Split split, const DataFolders& folders) {
  std::vector<Example> examples;
  for (const auto& row : read_rows(folders.find(form.name, file_of(form.name, files(), split)))) {
    examples.push_back(example_of(form, row, form.name + "/test/" + std::to_string(examples.size())));
  }
  return examples;
}

/// The model's part of the program: all of it, or what stands before the end of the fenced block.
std::string completion_of(const Form& form, const std::string& text) {
  return form.instruct ? text.substr(0, text.find("```")) : text;
}

/// Endings as the metrics count them; "killed" gathers what the sandbox or the program itself cut short.
constexpr std::array<const char*, 5> kFailures = {"wrong_answer", "exception", "syntax_error", "timeout", "killed"};

const char* failure_of(CodeEnding ending) {
  switch (ending) {
    case CodeEnding::passed:
      return "";
    case CodeEnding::wrong_answer:
      return kFailures[0];
    case CodeEnding::exception:
      return kFailures[1];
    case CodeEnding::syntax_error:
      return kFailures[2];
    case CodeEnding::timed_out:
      return kFailures[3];
    case CodeEnding::out_of_memory:
    case CodeEnding::ended_early:
    case CodeEnding::unsupported:
      return kFailures[4];
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

/// "passed", or how often each ending came, most frequent first.
std::string describe(const std::map<std::string, int>& counts, std::size_t samples) {
  if (samples == 1) return counts.begin()->first;
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [name, count] : counts) order.emplace_back(-count, name);
  std::sort(order.begin(), order.end());
  std::vector<std::string> parts;
  for (const auto& [count, name] : order) parts.push_back(std::to_string(-count) + " " + name);
  return join(parts, ", ");
}

Verdict judge(const Form& form, const Sandbox& sandbox, const Example& example, const Response& response) {
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
  for (const char* failure : kFailures) verdict.values[std::string(failure) + ",create_test"] = failures[failure];
  verdict.score = verdict.values["pass@" + std::to_string(form.ks.front()) + ",create_test"];
  verdict.detail = describe(counts, samples);
  verdict.confidence = answer_confidence(response);
  return verdict;
}

void add(TaskBook& book, const Form& form, const std::shared_ptr<LazySandbox>& sandbox) {
  Task task;
  task.name = form.name;
  task.version = form.version;
  task.summary = form.summary;
  task.source = kSource;
  task.format.target_delimiter = "";  // the prompt ends where the body of the function begins
  task.format.shots_fixed = true;
  task.trained = Split::test;
  for (const int k : form.ks)
    task.metrics.push_back({.name = "pass@" + std::to_string(k) + ",create_test", .aggregate = {}});
  for (const char* failure : kFailures) {
    task.metrics.push_back({.name = std::string(failure) + ",create_test", .higher_is_better = false, .aggregate = {}});
  }
  task.files = files();
  task.load = [form](Split split, const DataFolders& folders) { return load(form, split, folders); };
  task.ask = [form, sandbox](const Example& example, const std::string& context,
                             const AskSettings& settings) -> std::vector<Request> {
    sandbox->get();  // refuses before hours of writing, not after
    return {Generation{.context = context,
                       .images = {},
                       .max_new_tokens = 1024,
                       .temperature = form.temperature,
                       .top_p = form.top_p,
                       .until = kStops,
                       .samples = form.samples,
                       .seed = derive_seed(settings.seed, example.id)}};
  };
  task.judge = [form, sandbox](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge(form, sandbox->get(), example, responses.front());
  };
  book.tasks.add(form.name, std::move(task));
}

}  // namespace

namespace plugins {

void humaneval(TaskBook& book) {
  const auto sandbox = std::make_shared<LazySandbox>();
  add(book,
      {.name = "humaneval", .version = "1.0", .summary = "Python functions from their docstrings, run against tests"},
      sandbox);
  add(book,
      {.name = "humaneval_64",
       .version = "1.0",
       .summary = "Python functions from their docstrings, 64 samples each",
       .samples = 64,
       .temperature = 0.2,
       .top_p = 0.95,
       .ks = {2, 8, 16, 32, 64}},
      sandbox);
  add(book,
      {.name = "humaneval_instruct",
       .version = "3.0",
       .summary = "Python functions, asked for in words",
       .instruct = true},
      sandbox);
}

}  // namespace plugins
}  // namespace touchstone
