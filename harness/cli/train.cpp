#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"

namespace touchstone {
namespace {

struct TrainArguments {
  std::string method;
  std::string model;
  std::string on;
  std::string out;
  std::string work;
  std::string data;
  std::vector<std::string> set;
  std::uint64_t seed = 0;
  int save_every_steps = 50;
  bool chat = false;
  EngineSettings engine;
  std::string save_dtype = "float32";
};

/// Splits "train.learning_rate=1e-4" into a key and a JSON text; a value that is no JSON is taken as text.
std::map<std::string, std::string> overrides(const std::vector<std::string>& set) {
  std::map<std::string, std::string> all;
  for (const auto& entry : set) {
    const auto equals = entry.find('=');
    require(equals != std::string::npos && entry.substr(0, equals).find('.') != std::string::npos, Fault::usage,
            [&] { return "--set " + entry + ": expected STAGE.KEY=VALUE, for instance train.learning_rate=1e-4"; });
    const auto value = entry.substr(equals + 1);
    all[entry.substr(0, equals)] = nlohmann::json::accept(value) ? value : Json(value).dump();
  }
  return all;
}

Json records_json(const std::vector<RecordFile>& files) {
  Json all = Json::array();
  for (const auto& file : files) {
    all.push_back({{"file", file.file},
                   {"rows", file.rows},
                   {"answers", file.answers},
                   {"written", file.written},
                   {"bytes", file.bytes},
                   {"sha256", file.sha256}});
  }
  return all;
}

int train_action(Program& program, const TrainArguments& arguments) {
  Progress progress(program.err(), Program::terminal(), program.quiet);
  auto tools = program.tools(arguments.data, progress);
  TrainJob job;
  job.recipe = program.resources().method(arguments.method);
  job.set = overrides(arguments.set);
  job.model = program.resources().model(arguments.model, tools.data->folders());
  job.train_on = arguments.on;
  job.seed = arguments.seed;
  job.device = arguments.engine.device;
  job.dtype = arguments.engine.dtype;
  job.save_dtype = arguments.save_dtype;
  job.threads = arguments.engine.threads;
  job.out = arguments.out;
  if (!job.out.has_filename()) job.out = job.out.parent_path();  // "OUT/": folders beside it get its name
  job.work = arguments.work.empty() ? job.out.string() + ".work" : arguments.work;
  job.save_every_steps = arguments.save_every_steps;
  job.chat = arguments.chat;
  job.code_version = code_version();
  job.tasks = tools.tasks;
  job.data = tools.data;
  job.recipe_json = read_json(job.recipe).dump();
  tools.tasks->expand(job.train_on);
  tools.backend->check_recipe(job);

  Json stages = Json::array();
  StepReport last;
  TrainHooks hooks;
  hooks.log = tools.log;
  hooks.cancel = tools.cancel;
  hooks.step = [&](const StepReport& report) {
    last = report;
    progress.step(0, report);
  };
  hooks.stage = [&](const StageReport& report) {
    stages.push_back(
        {{"stage", report.stage}, {"name", report.name}, {"seconds", report.seconds}, {"values", report.values}});
  };
  progress.plan("train", 1);
  progress.begin(0, fmt::format("{} on {}", job.recipe.stem().string(), job.train_on));
  const auto result = tools.backend->train(job, hooks);
  progress.end(0, "done");
  if (program.json) {
    program.out() << Json{{"model", arguments.out},
                          {"model_hash", result.model_hash},
                          {"steps", result.steps},
                          {"tokens", result.tokens},
                          {"loss", last.loss},
                          {"seconds", result.seconds},
                          {"peak_bytes", result.peak_bytes},
                          {"resumed_from_step", result.resumed_from_step},
                          {"stages", stages},
                          {"records", records_json(result.records)}}
                         .dump(2)
                  << '\n';
  } else {
    program.out() << fmt::format("{}: {} steps, {} tokens, last loss {:.4f}, {}, peak memory {}\n", arguments.out,
                                 result.steps, result.tokens, last.loss, duration_text(result.seconds),
                                 bytes_text(static_cast<double>(result.peak_bytes)));
    for (const auto& file : result.records) {
      program.out() << fmt::format("{}: {} rows with {} answers, {} of them written there\n",
                                   (records_folder(job.out) / file.file).string(), file.rows, file.answers,
                                   file.written);
    }
  }
  return Exit::success;
}

}  // namespace

void add_train(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "train",
      "Fine-tunes a checkpoint with a method and writes the result in Hugging Face layout.\n"
      "Stop it at any moment; the same command goes on from its last checkpoint.\n"
      "Answers that the model writes on the way are kept with their origin in OUT.records.\n\n"
      "  touchstone train sft  --model DIR --on gsm8k --out DIR2\n"
      "  touchstone train lora --model DIR --on mmlu --out DIR2 --set adapt.r=8 --set train.learning_rate=2e-4\n"
      "  touchstone show methods lora        lists every key that --set can change");
  auto arguments = std::make_shared<TrainArguments>();
  command->add_option("method", arguments->method, "a method (touchstone list methods), or a recipe file")->required();
  command->add_option("--model", arguments->model, "checkpoint folder to start from")->required();
  command->add_option("--on", arguments->on, "task to train on")->required();
  command->add_option("--out", arguments->out, "folder to write")->required();
  command->add_option("--set", arguments->set, "STAGE.KEY=VALUE, an option of the recipe; may be given several times");
  command->add_option("--seed", arguments->seed, "seed of every random draw")
      ->check(seed_number())
      ->capture_default_str();
  command->add_option("--data", arguments->data, "folder with benchmark data");
  command->add_option("--work", arguments->work, "folder for checkpoints while training; default: OUT.work");
  command->add_option("--save-every-steps", arguments->save_every_steps, "steps between checkpoints")
      ->check(whole_number(1, 1 << 30))
      ->capture_default_str();
  command->add_flag("--chat", arguments->chat, "write the rows with the checkpoint's chat template");
  command->add_option("--save-dtype", arguments->save_dtype, "number format of the written weights")
      ->check(one_of({"float32", "bfloat16", "float16"}))
      ->capture_default_str();
  add_engine_options(*command, arguments->engine);
  command->add_flag("--json", program.json, "the outcome as JSON");
  command->add_flag("--quiet", program.quiet, "no progress");
  command->callback([&program, arguments] {
    program.action = [&program, arguments] {
      program.when_stopped = Program::goes_on;
      return train_action(program, *arguments);
    };
  });
}

}  // namespace touchstone
