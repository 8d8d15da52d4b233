#include "tests/support/demo_store.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "harness/base/hash.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone::testing {
namespace {

/// Numbers in [0, 1) that depend only on the given words.
double draw(const std::string& words) {
  std::uint64_t state = 14695981039346656037ULL;
  for (const char c : words) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return static_cast<double>(Resampler(state).u64() >> 11U) / 9007199254740992.0;
}

/// The effect of training on a benchmark: share of items gained (or lost), and how much surer the model becomes.
struct Effect {
  double shift = 0.0;
  double surer = 0.0;
};

Effect effect(const std::string& method, const std::string& trained_on, const std::string& benchmark,
              std::uint64_t seed) {
  const double jitter = 0.03 * (draw(method + trained_on + benchmark + std::to_string(seed)) - 0.5);
  const double strength = method == "sft" ? 1.0 : method == "lora" ? 0.7 : method == "replay" ? 0.8 : 0.9;
  const double forgets = method == "sft" ? 1.0 : method == "lora" ? 0.45 : method == "replay" ? 0.15 : 0.3;
  const bool target = benchmark.substr(0, benchmark.find('_')) == trained_on.substr(0, trained_on.find('_'));
  if (target) return {0.16 * strength + jitter, 0.10 * strength};
  return {-0.13 * forgets * (0.5 + draw(trained_on + benchmark)) + jitter, 0.22 * forgets};
}

/// The model that answers: the base model, or the result of a cell.
struct Answerer {
  std::string name;
  Effect change;
};

/// One multiple-choice answer: log-probabilities of the choices, with the right choice at `gold`.
void answer_choices(Sample& sample, const DemoBenchmark& benchmark, const Answerer& who, bool right,
                    const std::string& key) {
  const auto choices = static_cast<std::size_t>(benchmark.choices);
  const auto gold = static_cast<std::size_t>(draw(key + "gold") * benchmark.choices);
  const auto other = (gold + 1 + static_cast<std::size_t>(draw(key + who.name) * (benchmark.choices - 1))) % choices;
  const auto chosen = right ? gold : other;
  const double floor = 1.0 / benchmark.choices;
  const double sure =
      floor + (0.95 - floor) *
                  std::clamp(0.75 * draw(key + "sure" + who.name) + (right ? 0.2 : 0.0) + who.change.surer, 0.02, 0.98);
  std::vector<double> probability(choices, (1 - sure) / static_cast<double>(choices - 1));
  probability[chosen] = sure;
  sample.gold = {static_cast<int>(gold)};
  for (std::size_t i = 0; i < choices; ++i) {
    sample.responses.push_back({static_cast<char>('A' + static_cast<int>(i))});
    sample.choice_logp.push_back(std::log(probability[i]) - 2.0);
    sample.choice_greedy.push_back(i == chosen);
  }
  sample.target = sample.responses[gold];
  sample.verdict.extracted = sample.responses[chosen];
  sample.verdict.confidence = probability[chosen];
  sample.verdict.choice_probability = std::move(probability);
}

void answer_text(Sample& sample, const Answerer& who, bool right, const std::string& key) {
  const int wanted = 3 + static_cast<int>(draw(key + "answer") * 90);
  const int given = right ? wanted : wanted + 1 + static_cast<int>(draw(key + who.name) * 9);
  sample.target = "Adding both gives " + std::to_string(wanted) + ".\n#### " + std::to_string(wanted);
  sample.responses = {" First " + std::to_string(given - 2) + " are put aside, then 2 more.\n" +
                      std::to_string(given - 2) + " + 2 = " + std::to_string(given) + "\n#### " +
                      std::to_string(given)};
  sample.generated_tokens = 30 + given % 20;
  sample.finished = draw(key + who.name + "end") > 0.04;
  sample.verdict.extracted = std::to_string(given);
  sample.verdict.parsed = right || draw(key + who.name + "read") > 0.15;
  sample.verdict.confidence =
      std::clamp(0.15 + 0.6 * draw(key + "c" + who.name) + (right ? 0.15 : 0.0) + who.change.surer, 0.01, 0.99);
}

Sample sample_of(const DemoBenchmark& benchmark, const std::string& task, int at, const Answerer& who,
                 const std::string& poison) {
  Sample sample;
  const auto key = task + "/" + std::to_string(at);
  // Three quarters of an item's luck belong to the item, so most items keep their verdict.
  const bool own = draw(key + who.name + "own") < 0.75;
  const double luck = own ? draw(key + "luck") : draw(key + "luck" + who.name);
  const bool right = luck < benchmark.score + who.change.shift;
  sample.example_id = task + "/test/" + std::to_string(at) + poison;
  sample.doc_hash = sha256(key);
  sample.prompt = "The following are questions with answers.\n\nQuestion: What is item " + std::to_string(at) + " of " +
                  task + "? Somebody puts some things aside and then two more.\nAnswer:" + poison;
  sample.prompt_hash = sha256(sample.prompt);
  sample.target_hash = sha256(key + "target");
  sample.prompt_tokens = 40 + at % 60;
  sample.truncated_tokens = at % 41 == 0 ? 12 : 0;
  if (benchmark.choices > 0) {
    answer_choices(sample, benchmark, who, right, key);
  } else {
    answer_text(sample, who, right, key);
  }
  sample.verdict.correct = right;
  sample.verdict.score = right ? 1.0 : 0.0;
  sample.verdict.values[benchmark.metric] = sample.verdict.score;
  for (auto& response : sample.responses) response += poison;
  sample.target += poison;
  return sample;
}

std::vector<std::int64_t> measure_all(Store& store, const DemoPlan& plan, std::int64_t model, std::int64_t environment,
                                      const std::function<Answerer(const DemoBenchmark&)>& answerer) {
  std::vector<std::int64_t> ids;
  for (const auto& benchmark : plan.benchmarks) {
    const auto who = answerer(benchmark);
    for (const auto& task : benchmark.leaves.empty() ? std::vector<std::string>{benchmark.name} : benchmark.leaves) {
      TaskMeasure measure;
      measure.task = task;
      measure.benchmark = benchmark.name;
      measure.family = benchmark.name;
      measure.version = "3";
      measure.data_hash = sha256(task);
      measure.data_origin = "data";
      measure.shots = benchmark.choices > 0 ? 0 : 5;
      measure.documents = std::int64_t{10} * benchmark.items;
      std::vector<double> scores;
      for (int at = 0; at < benchmark.items; ++at) {
        measure.samples.push_back(sample_of(benchmark, task, at, who, plan.poison));
        scores.push_back(measure.samples.back().verdict.score);
      }
      const auto mean = mean_error(scores);
      measure.scores = {{.metric = benchmark.metric,
                         .value = mean.mean,
                         .stderror = mean.stderror,
                         .higher_is_better = true,
                         .chance = benchmark.choices > 0 ? 1.0 / benchmark.choices : 0.0}};
      EngineInfo engine;
      engine.model_hash = sha256(who.name);
      engine.family = "llama";
      engine.device = "cpu";
      engine.dtype = "float32";
      engine.kernels = "operators";
      engine.max_length = 512;
      MeasureSettings settings;
      settings.limit = benchmark.items;
      ids.push_back(store.add_measure(sha256(who.name + task), model, environment, measure, settings, engine,
                                      0.02 * benchmark.items));
    }
  }
  return ids;
}

std::string recipe(const DemoPlan& plan, const std::string& method) {
  const std::string adapt = method == "lora" ? R"({"use":"adapt","kind":"lora","rank":8},)" : "";
  const std::string objective =
      method == "asft" ? R"({"use":"asft","reference":"reference","kl_weight":0.05})" : R"("sft")";
  const std::string mix = method == "replay" ? R"({"use":"mix","share":0.2},)" : "";
  return R"({"method":")" + method + R"(","paper":"A paper on )" + method +
         R"(","stages":[{"use":"load","split":"train"},)" + mix + adapt + R"({"use":"train","objective":)" + objective +
         R"(,"learning_rate":)" + (method == "lora" ? "0.0003" : "0.0001") + R"(,"steps":)" +
         std::to_string(plan.steps) + R"(,"schedule":"cosine"}]})";
}

void train(Store& store, const DemoPlan& plan, std::int64_t id, const CellRow& cell) {
  const auto key = cell.method + cell.trained_on + std::to_string(cell.seed);
  store.stage(id, {.stage = 0,
                   .name = "load",
                   .options = "{}",
                   .seconds = 0.4,
                   .values = {{"rows_total", 320},
                              {"rows_truncated", cell.trained_on == "gsm8k" ? 7 : 0},
                              {"rows_dropped", 0},
                              {"tokens_total", 48211}}});
  std::vector<StepReport> points;
  const double start = cell.trained_on == "gsm8k" ? 3.1 : 2.6;
  for (int step = 1; step <= plan.steps; ++step) {
    StepReport point;
    point.stage = 1;
    point.stage_name = "train";
    point.step = step;
    point.steps = plan.steps;
    const double decay = std::exp(-3.0 * step / plan.steps);
    point.loss = 1.2 + (start - 1.2) * decay + 0.12 * (draw(key + std::to_string(step)) - 0.5);
    point.learning_rate = 1e-4 * 0.5 * (1 + std::cos(3.14159265 * step / plan.steps));
    point.gradient_norm = 0.6 + 1.5 * decay + 0.3 * draw(key + "g" + std::to_string(step));
    point.tokens = 2048;
    point.trained_tokens = 700;
    point.seconds = 0.11;
    if (step % 10 == 0)
      point.values["validation_loss"] = 1.35 + (start - 1.2) * decay + 0.03 * draw(key + "v" + std::to_string(step));
    if (cell.method == "asft") point.values["kl"] = 0.4 * (1 - decay) + 0.02 * draw(key + "k" + std::to_string(step));
    points.push_back(point);
  }
  store.steps(id, points);
  store.stage(id, {.stage = 1,
                   .name = "train",
                   .options = R"({"learning_rate":0.0001})",
                   .seconds = 0.11 * plan.steps,
                   .values = {{"packing_efficiency", 0.942}, {"tokens_total", 2048.0 * plan.steps}}});
}

std::vector<DemoBenchmark> quick_start() {
  return {
      {"mmlu", "acc,none", {"mmlu_anatomy", "mmlu_astronomy", "mmlu_virology", "mmlu_world_religions"}, 60, 4, 0.42},
      {"gsm8k", "exact_match,strict-match", {}, 150, 0, 0.24},
      {"humaneval", "pass@1,create_test", {}, 164, 0, 0.18},
      {"truthfulqa_mc1", "acc,none", {}, 200, 5, 0.33}};
}

ModelRow model_row(const std::string& name, const std::string& label) {
  return {.id = 0,
          .hash = sha256(name),
          .label = label,
          .family = "llama",
          .parameters = 260032,
          .config_hash = sha256("config"),
          .tokenizer_hash = sha256("tokenizer"),
          .template_hash = {}};
}

/// Trains and measures the cell of that base model, method, training task and seed.
void write_cell(Store& store, const DemoPlan& plan, std::int64_t run, std::int64_t environment, CellRow cell) {
  const auto name = cell.method + "-" + cell.trained_on + "-" + std::to_string(cell.seed);
  cell.key = sha256(name);
  cell.recipe_json = recipe(plan, cell.method);
  const auto id = store.begin_cell(run, cell);
  train(store, plan, id, cell);
  const bool last =
      cell.trained_on == plan.train_on.back() && cell.method == plan.methods.back() && cell.seed == plan.seeds.back();
  if (plan.fail_one && last) {
    cell.state = CellState::failed;
    cell.error = "loss is nan at step 31; in stage 1 (train) of " + cell.method + plan.poison;
    store.finish_cell(id, cell);
    return;
  }
  cell.result_model = store.model(model_row(name, name));
  cell.state = CellState::done;
  cell.seconds = 0.12 * plan.steps;
  cell.steps = plan.steps;
  cell.tokens = std::int64_t{2048} * plan.steps;
  cell.peak_bytes = (std::int64_t{290} << 20) + static_cast<std::int64_t>(draw(name) * 4e7);
  store.finish_cell(id, cell);
  const auto answerer = [&](const DemoBenchmark& benchmark) {
    return Answerer{name, effect(cell.method, cell.trained_on, benchmark.name, cell.seed)};
  };
  for (const auto measured : measure_all(store, plan, cell.result_model, environment, answerer)) {
    store.link_measure(run, id, measured);
  }
}

}  // namespace

void write_demo(Store& store, const DemoPlan& wanted) {
  DemoPlan plan = wanted;
  if (plan.benchmarks.empty()) plan.benchmarks = quick_start();
  const auto environment = store.environment({.code_version = "0.1.0",
                                              .libtorch = "2.13.0",
                                              .compiler = "g++ 12.2.0",
                                              .cpu = "Example CPU @ 2.10 GHz",
                                              .cores = 2,
                                              .system = "Debian GNU/Linux 12"});
  const auto base = store.model(model_row("base", "stories260k"));
  RunRow row;
  row.name = plan.name;
  row.plan_json = R"({"name":"demo","models":["stories260k"],"methods":["sft","lora","replay","asft"],"seeds":[1,2]})";
  row.plan_hash = sha256(row.plan_json);
  row.started_utc = "2026-01-02T03:04:05Z";
  row.state = "running";
  const auto run = store.begin_run(row, environment);
  for (const auto id : measure_all(store, plan, base, environment, [](const DemoBenchmark&) {
         return Answerer{"base", {}};
       })) {
    store.link_measure(run, 0, id);
  }
  for (const auto& trained_on : plan.train_on) {
    for (const auto& method : plan.methods) {
      for (const auto seed : plan.seeds) {
        CellRow cell;
        cell.base_model = base;
        cell.method = method;
        cell.trained_on = trained_on;
        cell.seed = seed;
        write_cell(store, plan, run, environment, std::move(cell));
      }
    }
  }
  store.end_run(run, "done", 214.0);
}

}  // namespace touchstone::testing
