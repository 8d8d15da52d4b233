#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"

namespace touchstone {
namespace {

struct InitArguments {
  std::string config;
  std::string out;
  std::string tokenizer;
  std::string from;
  std::string text;
  std::string data;
  int documents = 20000;
  std::uint64_t seed = 0;
};

/// The texts of a task's training split, evenly spread over it.
std::vector<std::string> texts_of(const Task& task, const DataFolders& data, std::size_t count) {
  const auto examples = task.load(task.trained, data);
  require(!examples.empty(), Fault::data, [&] { return "task '" + task.name + "' has no training example"; });
  std::vector<std::string> texts;
  const auto wanted = std::min(count, examples.size());
  for (std::size_t at = 0; at < wanted; ++at) {
    const auto& example = examples[at * examples.size() / wanted];
    const auto& target = example.targets.empty() ? std::string() : example.targets.front();
    texts.push_back(example.question.empty() ? target : example.question + task.format.target_delimiter + target);
  }
  return texts;
}

int init_action(Program& program, const InitArguments& arguments) {
  InitJob job;
  job.config = arguments.config;
  job.seed = arguments.seed;
  job.out = arguments.out;
  const auto folder_of = [&](const std::string& name) {
    return program.resources().model(name, program.data(arguments.data).folders());
  };
  if (!arguments.from.empty()) job.from = folder_of(arguments.from);
  if (arguments.text.empty()) {
    job.tokenizer = folder_of(arguments.tokenizer.empty() ? arguments.from : arguments.tokenizer);
  } else {
    for (const auto& leaf : program.tasks().expand(arguments.text)) {
      const auto more = texts_of(program.tasks().tasks.get(leaf), program.data(arguments.data),
                                 static_cast<std::size_t>(arguments.documents));
      job.documents.insert(job.documents.end(), more.begin(), more.end());
    }
  }
  const auto hash = open_backend().init(job);
  if (program.json) {
    program.out() << Json{{"model", arguments.out}, {"model_hash", hash}}.dump(2) << '\n';
  } else {
    program.out() << arguments.out << ": random weights of seed " << arguments.seed
                  << (arguments.from.empty() ? std::string() : ", the language part of " + arguments.from)
                  << ", model hash " << hash << '\n';
  }
  return Exit::success;
}

}  // namespace

void add_init(CLI::App& app, Program& program) {
  auto* command =
      app.add_subcommand("init",
                         "Makes a checkpoint from nothing: random weights, and a tokenizer that is copied or learnt.\n"
                         "A pre-training recipe starts from it.\n\n"
                         "  touchstone init configs/models/micro-text.json --text micro-corpus --out DIR\n"
                         "  touchstone init config.json --tokenizer models/stories260k --seed 1 --out DIR\n"
                         "  touchstone init configs/models/micro-vision.json --from micro-text --out DIR");
  auto arguments = std::make_shared<InitArguments>();
  command->add_option("config", arguments->config, "config.json of the model")->required();
  command->add_option("--out", arguments->out, "folder to write")->required();
  auto* tokenizer =
      command->add_option("--tokenizer", arguments->tokenizer, "checkpoint folder whose tokenizer is taken");
  auto* text = command->add_option("--text", arguments->text,
                                   "task or group whose training texts a byte-level tokenizer of vocab_size entries "
                                   "is learnt from");
  tokenizer->excludes(text);
  command->add_option("--from", arguments->from,
                      "checkpoint folder whose weights the language part takes, and whose tokenizer, unless another is "
                      "asked for");
  command->add_option("--documents", arguments->documents, "texts of each task to learn from")
      ->check(whole_number(1, 1 << 30))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "seed of the weights")->check(seed_number())->capture_default_str();
  command->add_option("--data", arguments->data, "folder with benchmark data");
  command->add_flag("--json", program.json, "the outcome as JSON");
  command->callback([&program, arguments] {
    if (arguments->text.empty() && arguments->tokenizer.empty() && arguments->from.empty())
      throw CLI::ValidationError("init", "one of --tokenizer, --text and --from is required");
    program.action = [&program, arguments] { return init_action(program, *arguments); };
  });
}

}  // namespace touchstone
