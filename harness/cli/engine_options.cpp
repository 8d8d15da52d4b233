#include <CLI/CLI.hpp>

#include "harness/base/error.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"
#include "harness/data/split.hpp"
#include "harness/measure/metric.hpp"

namespace touchstone {

void add_engine_options(CLI::App& app, EngineSettings& settings) {
  app.add_option("--device", settings.device, "auto, cpu or cuda[:N]; a device that is not there is an error")
      ->capture_default_str();
  app.add_option("--dtype", settings.dtype, "number format of the matrix products")
      ->check(one_of({"float32", "bfloat16"}))
      ->capture_default_str();
  app.add_option("--threads", settings.threads, "tensor threads")->check(whole_number(1, 1024))->capture_default_str();
  app.add_option("--batch-tokens", settings.batch_tokens, "tokens in one forward pass; changes speed, not scores")
      ->check(whole_number(1, 1 << 24))
      ->capture_default_str();
  app.add_option("--max-length", settings.max_length, "context length; 0: the model's own")
      ->check(whole_number(0, 1 << 24));
  app.add_option_function<bool>(
         "--add-bos-token", [&settings](bool value) { settings.add_bos_token = value; },
         "default: as the tokenizer does")
      ->check(true_or_false());
}

void add_measure_options(CLI::App& app, MeasureSettings& settings) {
  app.add_option("--tasks", settings.tasks, "benchmarks or groups, comma-separated: mmlu,gsm8k,humaneval,truthfulqa")
      ->delimiter(',');
  app.add_option("--shots", settings.shots, "few-shot examples; -1: each task's own number")
      ->check(whole_number(-1, 1000))
      ->capture_default_str();
  app.add_option("--limit", settings.limit, "documents a task: 50 is fifty, 0.1 is a tenth, 0 is all")
      ->check(number(0.0, 1e9));
  app.add_option("--seed", settings.seed, "seed of few-shot draws and of sampling")
      ->check(seed_number())
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--mode",
         [&settings](const std::string& mode) { settings.mode = mode == "fixed" ? Mode::fixed : Mode::compat; },
         "compat: lm-evaluation-harness's numbers to the last digit; fixed: its errors mended")
      ->check(one_of({"compat", "fixed"}));
  app.add_flag("--chat", settings.chat, "apply the checkpoint's chat template");
  app.add_flag("!--single-turn", settings.multiturn, "with --chat: shots and question in one user turn");
  app.add_option("--system", settings.system_instruction, "system text before the task's description");
  app.add_option("--subjects", settings.subjects, "only these subjects, comma-separated: anatomy,virology")
      ->delimiter(',');
  app.add_option("--filter", settings.filter, "only examples whose id matches this pattern (PCRE2)");
  app.add_option_function<std::string>(
      "--metrics",
      [&settings](const std::string& text) {
        try {
          settings.metrics = parse_metrics(text);
        } catch (const Error& error) {  // the parser of the command line knows its own errors alone
          throw CLI::ValidationError(std::string(error.what()));
        }
      },
      "metrics beside the benchmarks' own (touchstone list metrics): kl_forward,cut, or with options: "
      "'[{\"use\": \"pass_at\", \"k\": [1, 4]}]'");
  app.add_option_function<std::string>(
         "--split", [&settings](const std::string& split) { settings.split = split_named(split); },
         "which part of the data; default: the one that each task is scored on. The micro world's validation items are "
         "those on which settings are chosen")
      ->check(one_of({"train", "validation", "test", "dev"}));
  app.add_option("--question-seed", settings.question_seed,
                 "seed of other questions than the task's own, where the program makes them (micro-gsm8k and its like)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{INT64_MAX}));
}

}  // namespace touchstone
