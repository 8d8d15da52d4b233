#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/table.hpp"

namespace touchstone {
namespace {

struct BenchArguments {
  std::string kind;
  std::string model;
  std::string ids;
  bool plain = false;
  EngineSettings engine;
  std::string requests;
  std::string out;
  int batch = 0;
  int length = 0;
  int steps = 0;
  int answers = 0;
};

/// A step's time as a multiple of sft's over the same rows.
std::string objectives_table(const Json& objectives) {
  const auto ratio = [](const Json& value) {
    return value.is_null() ? "" : fmt::format("{:.3f}", value.get<double>());
  };
  Table table({"objective", "answers", "sft, ms", "step", "live reference", "separate prompts"});
  for (const auto& one : objectives) {
    table.row({one["objective"], std::to_string(one["answers"].get<int>()),
               fmt::format("{:.1f}", 1000.0 * one["seconds"].get<double>()), ratio(one["step"]),
               ratio(one["live_reference"]), ratio(one["separate_prompts"])});
  }
  return table.text();
}

int bench_action(Program& program, const BenchArguments& arguments) {
  Json options = {
      {"dtype", arguments.engine.dtype}, {"threads", arguments.engine.threads}, {"device", arguments.engine.device}};
  if (!arguments.model.empty()) options["model"] = program.resources().model(arguments.model, {}).string();
  if (!arguments.ids.empty()) options["ids"] = arguments.ids;
  if (arguments.plain) options["plain"] = true;
  if (!arguments.requests.empty()) options["requests"] = arguments.requests;
  if (!arguments.out.empty()) options["out"] = arguments.out;
  if (arguments.batch > 0) options["batch"] = arguments.batch;
  if (arguments.length > 0) options["length"] = arguments.length;
  if (arguments.steps > 0) options["steps"] = arguments.steps;
  if (arguments.answers > 0) options["answers"] = arguments.answers;
  const auto result = Json::parse(open_backend().bench(arguments.kind, options.dump()));
  if (program.json) {
    program.out() << result.dump() << '\n';
    return Exit::success;
  }
  for (const auto& member : result.items()) {
    if (member.key() == "objectives") continue;
    program.out() << fmt::format("{:24} {}\n", member.key(), member.value().dump());
  }
  if (result.contains("objectives")) program.out() << '\n' << objectives_table(result["objectives"]);
  return Exit::success;
}

}  // namespace

void add_bench(CLI::App& app, Program& program) {
  auto* command =
      app.add_subcommand("bench",
                         "Speed on this machine, and as a share of the machine's own matrix-product rate.\n\n"
                         "  touchstone bench train --dtype bfloat16\n"
                         "  touchstone bench objectives --model DIR    a step of each, as a multiple of sft's\n"
                         "  touchstone bench decode --model DIR --batch 16\n"
                         "  touchstone bench decode --model DIR --requests prompts.jsonl --out answers.jsonl");
  auto arguments = std::make_shared<BenchArguments>();
  command->add_option("kind", arguments->kind, "train, objectives, decode or score")
      ->required()
      ->check(one_of({"train", "objectives", "decode", "score"}));
  command->add_option("--model", arguments->model, "checkpoint folder; default: random weights of a 34 M model");
  command->add_option("--ids", arguments->ids, "train: JSON file of rows of token ids; default: random ids");
  command->add_flag("--plain", arguments->plain, "train: LibTorch's own operators, to compare the kernels with");
  command->add_option("--requests", arguments->requests,
                      "decode: answers these prompts, one {\"prompt\": text, \"max_new_tokens\": n} a line");
  command->add_option("--out", arguments->out, "with --requests: file for the answers, one JSON object a line");
  command->add_option("--batch", arguments->batch, "rows")->check(whole_number(1, 4096));
  command->add_option("--length", arguments->length, "tokens a row")->check(whole_number(2, 1 << 20));
  command->add_option("--steps", arguments->steps, "timed repetitions")->check(whole_number(1, 100000));
  command->add_option("--answers", arguments->answers, "objectives: answers of a record, for losses over several")
      ->check(whole_number(2, 64));
  add_engine_options(*command, arguments->engine);
  command->add_flag("--json", program.json, "as JSON");
  command->callback(
      [&program, arguments] { program.action = [&program, arguments] { return bench_action(program, *arguments); }; });
}

void add_objective(CLI::App& app, Program& program) {
  struct Arguments {
    std::string name;
    std::string inputs;
    std::string out;
    std::string options = "{}";
  };
  auto* command = app.add_subcommand(
      "objective",
      "Loss and gradients of one objective on given tensors, to hold against any other implementation.\n"
      "Inputs (safetensors): logits [M, V], labels [M], and where the objective takes them weights [M], ref_logits [M, "
      "V].\n"
      "Of an objective over whole answers: labels [A, T], an answer a row, ref_logp [A, T], records [A], rewards "
      "[A].\n\n"
      "  touchstone objective asft --inputs batch.safetensors --out out.safetensors --options '{\"kl_weight\": 0.1}'");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("name", arguments->name, "touchstone list objectives")->required();
  command->add_option("--inputs", arguments->inputs, "safetensors file")->required();
  command->add_option("--out", arguments->out, "safetensors file to write: loss, count, grad_logits")->required();
  command->add_option("--options", arguments->options, "the objective's options as JSON")->capture_default_str();
  command->callback([&program, arguments] {
    program.action = [arguments] {
      open_backend().objective(arguments->name, arguments->options, arguments->inputs, arguments->out);
      return Exit::success;
    };
  });
}

void add_catalogue(CLI::App& app, Program& program) {
  auto out = std::make_shared<std::string>();
  auto* command = app.add_subcommand(
      "catalogue",
      "Writes the table of families, objectives, stages, rewards, procedures and adapters (the build calls it).");
  command->group("");  // hidden from --help: no user needs it
  command->add_option("--out", *out, "file to write")->required();
  command->callback([&program, out] {
    program.action = [out] {
      write_file_atomically(*out, open_backend().catalogue() + "\n");
      return Exit::success;
    };
  });
}

}  // namespace touchstone
