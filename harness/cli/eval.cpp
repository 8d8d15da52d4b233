#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/table.hpp"
#include "harness/measure/accuracy.hpp"
#include "harness/model/procedure.hpp"

namespace touchstone {
namespace {

struct EvalArguments {
  EngineSettings engine;
  MeasureSettings measure;
  std::string data;
  std::string db;
  std::string reference;
  bool self_test = false;
};

Json scores_json(const std::vector<Score>& scores) {
  Json all = Json::object();
  for (const auto& score : scores) {
    all[score.metric] = score.value;
    const auto comma = score.metric.find(',');
    const auto name =
        score.metric.substr(0, comma) + "_stderr" + (comma == std::string::npos ? "" : score.metric.substr(comma));
    all[name] = std::isfinite(score.stderror) ? Json(score.stderror) : Json("N/A");
  }
  return all;
}

/// Results in the shape of lm-evaluation-harness's results.json.
Json results_json(const std::vector<MeasureRow>& rows, const std::vector<GroupMeasure>& groups, const EngineInfo& info,
                  const EngineCounts& counts) {
  Json json;
  for (const auto& row : rows) {
    json["results"][row.task] = scores_json(row.scores);
    json["results"][row.task]["sample_len"] = row.items;
    json["n-shot"][row.task] = row.shots;
    json["versions"][row.task] = row.version;
    if (row.work) {
      json["results"][row.task]["forward_tokens"] = row.work->forward_tokens;
      json["results"][row.task]["cache_bytes"] = row.work->cache_bytes;
    }
    for (const auto& warning : row.warnings) json["warnings"].push_back(warning.text);
  }
  for (const auto& group : groups) json["groups"][group.group] = scores_json(group.scores);
  json["model"] = {{"hash", info.model_hash},      {"family", info.family},   {"dtype", info.dtype},
                   {"device", info.device},        {"kernels", info.kernels}, {"parameters", info.parameters},
                   {"max_length", info.max_length}};
  if (!info.procedure.empty()) json["model"]["procedure"] = parse_json(info.procedure, procedure_file);
  json["work"] = {{"prefill_tokens", counts.prefill_tokens}, {"reused_tokens", counts.reused_tokens},
                  {"decoded_tokens", counts.decoded_tokens}, {"prefill_seconds", counts.prefill_seconds},
                  {"decode_seconds", counts.decode_seconds}, {"peak_bytes", counts.peak_bytes}};
  return json;
}

void add_rows(Table& table, const std::string& name, const std::vector<Score>& scores, std::int64_t items,
              const std::string& shots) {
  for (const auto& score : scores) {
    table.row({name, score.metric, fmt::format("{:.4f}", score.value),
               std::isfinite(score.stderror) ? fmt::format("{:.4f}", score.stderror) : "N/A", std::to_string(items),
               shots});
  }
}

/// The groups behind a name, itself first and then the groups in it, pooled over their measured leaves.
void append_groups(const TaskBook& book, const std::string& name, const std::vector<TaskMeasure>& tasks,
                   std::vector<GroupMeasure>& groups) {
  if (!book.groups.has(name)) return;
  const auto& group = book.groups.get(name);
  const auto leaves = book.expand(name);
  std::vector<const TaskMeasure*> measured;
  for (const auto& task : tasks) {
    if (std::find(leaves.begin(), leaves.end(), task.task) != leaves.end()) measured.push_back(&task);
  }
  if (measured.empty()) return;
  auto scores = group_scores(group, measured);
  if (!scores.scores.empty()) groups.push_back(std::move(scores));
  for (const auto& member : group.members) append_groups(book, member, tasks, groups);
}

std::vector<TaskMeasure> with_samples(const Store& store, const std::vector<MeasureRow>& rows) {
  std::vector<TaskMeasure> tasks;
  for (const auto& row : rows) {
    TaskMeasure task;
    task.task = row.task;
    task.scores = row.scores;
    task.samples = store.samples(row.id);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

void say_notes(Program& program, const std::vector<TaskMeasure>& tasks) {
  std::int64_t unparsed = 0;
  std::int64_t all = 0;
  for (const auto& task : tasks) {
    for (const auto& sample : task.samples) {
      unparsed += sample.verdict.parsed ? 0 : 1;
      ++all;
    }
  }
  if (unparsed > 0) program.log().info(fmt::format("of {} responses {} could not be read", all, unparsed));
}

int self_test_action(Program& program, const std::string& text) {
  const auto report = parse_json(text, "self-test");
  const bool equal = report.at("equal").get<bool>();
  if (program.json) {
    program.out() << text << '\n';
    return equal ? Exit::success : Exit::no;
  }
  Table table({"dtype", "kernels", "against 4096 tokens a batch", "largest difference (nats a token)", "texts"});
  for (const auto& row : report.at("results")) {
    const auto difference = row.at("max_logp_difference").get<double>();
    table.row({row.at("dtype"), row.at("kernels"), row.at("variant"),
               difference == 0.0 ? "0, every bit equal" : fmt::format("{:.2g}", difference),
               row.at("different_texts") == 0 ? "equal" : row.at("different_texts").dump() + " differ"});
  }
  program.out() << table.text()
                << fmt::format("{} requests: {}\n", report.at("requests").get<int>(),
                               equal ? "scores and texts do not depend on batch size, order or threads"
                                     : "NOT EQUAL: scores depend on batch size, order or threads");
  return equal ? Exit::success : Exit::no;
}

int eval_action(Program& program, const EvalArguments& arguments) {
  if (arguments.self_test) {
    return self_test_action(program, open_backend().self_test(arguments.engine));
  }
  require(!arguments.measure.tasks.empty(), Fault::usage, "eval needs --tasks, for instance --tasks mmlu,gsm8k");
  for (const auto& name : arguments.measure.tasks) program.tasks().expand(name);
  Progress progress(program.err(), Program::terminal(), program.quiet);
  auto tools = program.tools(arguments.data, progress);
  measured_tasks(arguments.measure, program.tasks(), *tools.data);
  // Opens the model before the database, so that an error in the model leaves no empty file behind.
  with_reference(arguments.measure, arguments.reference);  // says at once that one is missing
  auto open = open_model(arguments.engine, tools);
  AnswerMemory memory;
  std::optional<ReferenceModel> reference;
  if (!arguments.reference.empty()) {
    auto settings = arguments.engine;
    settings.model = arguments.reference;
    reference.emplace(settings, tools.backend->inspect(settings.model).model_hash, tools, memory);
  }
  // Without --db the results are in a database that ends with its connection.
  Store store(arguments.db.empty() ? ":memory:" : arguments.db);
  add_row(open, "", store);
  const auto environment = store.environment(tools.environment);
  progress.plan("eval", 1);
  progress.begin(0, "eval " + arguments.engine.model.filename().string());
  const auto ids = score_model(open, {arguments.measure},
                               {.store = store,
                                .environment = environment,
                                .run = tools,
                                .work = arguments.db.empty() ? "" : arguments.db + ".work",
                                .reference = reference ? &*reference : nullptr});
  progress.end(0, "measured");
  std::vector<MeasureRow> rows;
  for (auto& row : store.measures(open.model)) {
    if (std::find(ids.begin(), ids.end(), row.id) != ids.end()) rows.push_back(std::move(row));
  }
  const auto tasks = with_samples(store, rows);
  std::vector<GroupMeasure> groups;
  for (const auto& name : arguments.measure.tasks) append_groups(program.tasks(), name, tasks, groups);
  if (program.json) {
    program.out() << results_json(rows, groups, open.engine->info(), open.engine->counts()).dump(2) << '\n';
  } else {
    Table table({"task", "metric", "value", "stderr", "items", "shots"});
    for (const auto& group : groups) add_rows(table, group.group, group.scores, group.items, "");
    for (const auto& row : rows) add_rows(table, row.task, row.scores, row.items, std::to_string(row.shots));
    program.out() << table.text();
  }
  say_warnings(rows, program.log());
  say_notes(program, tasks);
  return Exit::success;
}

}  // namespace

void add_eval(CLI::App& app, Program& program) {
  auto* command =
      app.add_subcommand("eval",
                         "Scores a checkpoint folder (Hugging Face layout) with lm-evaluation-harness's numbers.\n\n"
                         "  touchstone eval --model ~/models/SmolLM2-135M --tasks mmlu,gsm8k --db results.sqlite\n"
                         "  touchstone eval --model DIR --tasks mmlu --shots 5 --limit 10 --json\n"
                         "  touchstone eval --model DIR --reference micro-text --tasks micro-gsm8k --metrics "
                         "kl_forward,kl_reverse,pass_at\n"
                         "  touchstone eval --model DIR --self-test      scores do not depend on batch size, order or "
                         "threads: see how exactly, for float32 and bfloat16");
  auto arguments = std::make_shared<EvalArguments>();
  command->add_option("--model", arguments->engine.model, "checkpoint folder, or a peft adapter's")->required();
  add_measure_options(*command, arguments->measure);
  command->add_option("--reference", arguments->reference,
                      "checkpoint that metrics such as kl_forward compare with: the one that was tuned");
  add_engine_options(*command, arguments->engine);
  command->add_option("--data", arguments->data, "folder with benchmark data");
  command->add_option("--db", arguments->db, "keep every sample in this database, and take from it what is stored");
  command->add_flag("--self-test", arguments->self_test, "compare scores over batch sizes, orders and thread counts");
  command->add_flag("--json", program.json, "results as JSON, in the shape of lm-evaluation-harness");
  command->add_flag("--quiet", program.quiet, "no progress");
  command->callback([&program, arguments] {
    program.action = [&program, arguments] {
      // The name of a model that comes with the program is accepted like a folder.
      arguments->engine.model = program.resources().model(arguments->engine.model.string(),
                                                          program.resources().data_folders(arguments->data));
      if (!arguments->reference.empty()) {
        arguments->reference =
            program.resources().model(arguments->reference, program.resources().data_folders(arguments->data)).string();
      }
      program.when_stopped = arguments->db.empty() ? ": nothing was kept, which --db FILE does" : Program::goes_on;
      return eval_action(program, *arguments);
    };
  });
}

}  // namespace touchstone
