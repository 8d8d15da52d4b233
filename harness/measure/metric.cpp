#include "harness/measure/metric.hpp"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <deque>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/measure/statistics.hpp"
#include "harness/model/procedure.hpp"

namespace touchstone {
namespace {

constexpr std::int64_t most_samples = 1024;

/// A metric of the settings, made.
struct MadeMetric {
  std::string name;
  Metric metric;
  std::size_t items = 0;  ///< 0: all
};

MadeMetric make_metric(const std::string& name, Options& options) {
  MadeMetric made{.name = name, .metric = metric_book().get(name).make(options)};
  made.items = static_cast<std::size_t>(options.integer("items", "the first so many of the measured items; 0: all",
                                                        {.fallback = 0, .min = 0, .max = 1 << 30}));
  return made;
}

MadeMetric make_metric(const MetricUse& use) {
  auto json = parse_json(use.options, "metric '" + use.name + "'");
  Options options(json, "metric '" + use.name + "'");
  return make_metric(use.name, options);
}

/// The options of an entry, with those that are not given filled in, keys sorted.
std::string filled_in(const std::string& name, const Json& given) {
  auto describing = Options::describe("metric '" + name + "'");
  make_metric(name, describing);
  nlohmann::json all = nlohmann::json::object();
  for (const auto& spec : describing.specs()) {
    if (!spec.fallback.empty() && spec.fallback != "null") all[spec.key] = nlohmann::json::parse(spec.fallback);
  }
  for (const auto& member : given.items()) {
    if (member.key() != "use") all[member.key()] = nlohmann::json(member.value());
  }
  return all.dump();
}

MetricUse read_use(Options& options) {
  MetricUse use;
  use.name = options.text("use", "name of a metric; `touchstone list metrics` has them");
  try {
    make_metric(use.name, options);
  } catch (const Error& error) {
    const std::string text = error.what();
    throw text.starts_with(options.where()) ? error : Error(error.fault(), options.where() + ": " + text);
  }
  options.done();
  use.options = filled_in(use.name, parse_json(options.json(), options.where()));
  return use;
}

double mean_of_tokens(std::span<const TokenReading> tokens, const std::function<double(const TokenReading&)>& value) {
  double sum = 0.0;
  for (const auto& token : tokens) sum += value(token);
  return sum / static_cast<double>(tokens.size());
}

std::string drawing_json(const Drawing& drawing) {
  const nlohmann::json json = {{"samples", drawing.samples},
                               {"temperature", drawing.temperature},
                               {"top_p", drawing.top_p},
                               {"seed", drawing.seed}};
  return json.dump();
}

/// Answers and readings of one task, each made once.
class TaskDesk final : public MetricDesk {
 public:
  TaskDesk(const Task& task, std::span<const MetricItem> items, const MetricTools& tools)
      : task_(task), items_(items), tools_(tools) {}

  const Task& task() const override { return task_; }
  std::span<const MetricItem> items() const override { return items_; }

  const std::vector<std::vector<DrawnAnswer>>& drawn(const Drawing& drawing, std::size_t count) override {
    for (const auto& made : drawn_) {
      if (made.drawing == drawing && made.answers.size() == count) return made.answers;
    }
    drawn_.push_back({drawing, draw(drawing, count)});
    return drawn_.back().answers;
  }

  const std::vector<std::vector<TokenReading>>& readings(TextOf text, std::size_t count) override {
    const bool generated = !items_.empty() && std::holds_alternative<Generation>(items_.front().requests.front());
    if (!generated) text = TextOf::gold;
    const auto key = std::make_pair(text, count);
    const auto found = readings_.find(key);
    if (found != readings_.end()) return found->second;
    return readings_.emplace(key, read(text, count)).first->second;
  }

  /// All drawn answers of an item, drawing after drawing.
  std::vector<DrawnAnswer> kept(std::size_t item) const {
    std::vector<DrawnAnswer> all;
    for (const auto& made : drawn_) {
      if (item < made.answers.size()) all.insert(all.end(), made.answers[item].begin(), made.answers[item].end());
    }
    return all;
  }

 private:
  struct Made {
    Drawing drawing;
    std::vector<std::vector<DrawnAnswer>> answers;
  };

  /// The generation requests of the first items, drawn as told; `first[i]` is where those of item i begin.
  std::vector<Request> drawing_requests(const Drawing& drawing, const std::string& stream, std::size_t count,
                                        std::vector<std::size_t>& first) const {
    std::vector<Request> requests;
    for (std::size_t item = 0; item < count; ++item) {
      first.push_back(requests.size());
      for (const auto& request : items_[item].requests) {
        auto generation = std::get<Generation>(request);
        generation.temperature = drawing.temperature;
        generation.top_p = drawing.top_p;
        generation.top_k = 0;
        generation.samples = drawing.samples;
        generation.seed = derive_seed(drawing.seed, stream + items_[item].example->id);
        requests.emplace_back(std::move(generation));
      }
    }
    first.push_back(requests.size());
    return requests;
  }

  std::vector<std::vector<DrawnAnswer>> draw(const Drawing& drawing, std::size_t count) const {
    std::vector<std::size_t> first;
    const auto requests = drawing_requests(drawing, "drawn/", count, first);
    const auto responses = tools_.engine.answer(requests, {}, tools_.cancel);
    const auto told = drawing_json(drawing);
    const auto samples = static_cast<std::size_t>(drawing.samples);
    std::vector<std::vector<DrawnAnswer>> answers(count, std::vector<DrawnAnswer>(samples));
    tbb::parallel_for(std::size_t{0}, count * samples, [&](std::size_t at) {
      if (tools_.cancel != nullptr) tools_.cancel->check();
      const auto item = at / samples;
      answers[item][at % samples] =
          judged(item, std::span(responses).subspan(first[item], first[item + 1] - first[item]), at % samples, told);
    });
    return answers;
  }

  DrawnAnswer judged(std::size_t item, std::span<const Response> responses, std::size_t sample,
                     const std::string& told) const {
    DrawnAnswer drawn;
    drawn.drawing = told;
    std::vector<Response> alone;
    for (const auto& response : responses) {
      require(sample < response.generated.size(), Fault::internal, [&] {
        return items_[item].example->id + ": the engine gave " + std::to_string(response.generated.size()) +
               " answers, expected more";
      });
      auto& one = alone.emplace_back(response);
      one.generated = {response.generated[sample]};
      const auto& answer = one.generated.front();
      drawn.text += (drawn.text.empty() ? "" : "\n") + answer.text;
      drawn.tokens += static_cast<int>(answer.logp_nats.size());
      drawn.finished = drawn.finished && answer.finished;
    }
    const auto verdict = task_.judge(*items_[item].example, alone, tools_.asking);
    drawn.extracted = verdict.extracted;
    drawn.parsed = verdict.parsed;
    drawn.correct = verdict.correct;
    drawn.score = verdict.score;
    return drawn;
  }

  /// The text of an item that is scored, or a generated item with its right answer.
  TokenText given_text(const MetricItem& item) const {
    const auto& example = *item.example;
    if (const auto* generation = std::get_if<Generation>(&item.requests.front())) {
      return Likelihood{
          .context = generation->context,
          .continuation = (tools_.asking.chat ? "" : task_.format.target_delimiter) + example.targets.front(),
          .media = generation->media};
    }
    const auto at =
        example.choices.empty() || example.gold.empty() ? 0 : static_cast<std::size_t>(example.gold.front());
    const auto& request = item.requests[std::min(at, item.requests.size() - 1)];
    if (const auto* pair = std::get_if<Likelihood>(&request)) return *pair;
    return std::get<Rolling>(request);
  }

  std::vector<std::vector<TokenReading>> read(TextOf text, std::size_t count) const {
    std::vector<TokenText> texts;
    std::vector<std::size_t> first;
    if (text == TextOf::gold) {
      for (std::size_t item = 0; item < count; ++item) {
        first.push_back(texts.size());
        texts.push_back(given_text(items_[item]));
      }
      first.push_back(texts.size());
    } else {
      // An expectation over a model's own answers needs answers as it gives them: temperature 1, nothing cut off.
      const Drawing drawing{.samples = 1, .temperature = 1.0, .top_p = 1.0, .seed = tools_.settings.seed};
      const auto requests = drawing_requests(drawing, "read/", count, first);
      auto& writer = text == TextOf::reference ? *tools_.reference : tools_.engine;
      const auto responses = writer.answer(requests, {}, tools_.cancel);
      for (std::size_t at = 0; at < requests.size(); ++at) {
        texts.emplace_back(Written{std::get<Generation>(requests[at]), responses[at].generated.front().tokens});
      }
    }
    auto found = tools_.engine.read(texts, tools_.reference, tools_.cancel);
    std::vector<std::vector<TokenReading>> readings(count);
    for (std::size_t item = 0; item < count; ++item) {
      for (auto at = first[item]; at < first[item + 1]; ++at) {
        readings[item].insert(readings[item].end(), found[at].begin(), found[at].end());
      }
    }
    return readings;
  }

  const Task& task_;
  std::span<const MetricItem> items_;
  const MetricTools& tools_;
  std::deque<Made> drawn_;  ///< a reference to one stays valid
  std::map<std::pair<TextOf, std::size_t>, std::vector<std::vector<TokenReading>>> readings_;
};

void add_score(const std::string& metric, const MetricSpec& spec, TaskMeasure& result) {
  std::vector<double> values;
  for (const auto& sample : result.samples) {
    const auto found = sample.verdict.values.find(spec.name);
    if (found != sample.verdict.values.end()) values.push_back(found->second);
  }
  if (values.empty()) return;
  const auto mean = mean_error(values);
  result.scores.push_back({.metric = spec.name,
                           .value = mean.mean,
                           .stderror = mean.stderror,
                           .higher_is_better = spec.higher_is_better,
                           .chance = spec.chance,
                           .unit = spec.unit,
                           .further = metric});
}

/// Draws go past a procedure that answers questions as a whole.
void warn_of_draws(const std::vector<MadeMetric>& metrics, const Engine& engine, TaskMeasure& result) {
  const auto* procedure = engine.procedure();
  if (procedure == nullptr || !procedure->answer) return;
  std::vector<std::string> names;
  for (const auto& made : metrics) {
    if (made.metric.draws > 0) names.push_back(made.name);
  }
  if (names.empty()) return;
  result.warnings.push_back({Warning::Kind::procedure, result.task + ": answers for " + join(names, ", ") +
                                                           " were drawn one by one, without the model's procedure"});
}

}  // namespace

Drawing read_drawing(Options& options) {
  Drawing drawing;
  drawing.samples = static_cast<int>(
      options.integer("samples", "answers drawn for each item", {.fallback = 8, .min = 1, .max = most_samples}));
  drawing.temperature = options.number("temperature", "of the draws", {.fallback = 1.0, .min = 0.01, .max = 100.0});
  drawing.top_p = options.number("top_p", "least share of the probability drawn from; 1: all",
                                 {.fallback = 1.0, .min = 1e-6, .max = 1.0});
  drawing.seed = static_cast<std::uint64_t>(options.integer("seed", "of the draws", {.fallback = 1234, .min = 0}));
  return drawing;
}

const MetricBook& metric_book() {
  static const MetricBook book = [] {
    MetricBook made("metric");
    add_metrics(made);
    return made;
  }();
  return book;
}

std::vector<MetricUse> read_metrics(Options& options) {
  std::vector<MetricUse> uses;
  for (auto& entry : options.children("metrics", "metrics beside the benchmarks' own", false)) {
    auto use = read_use(entry);
    const auto twice = std::any_of(uses.begin(), uses.end(), [&](const MetricUse& other) { return other == use; });
    require(!twice, Fault::config, [&] { return entry.where() + ": '" + use.name + "' stands twice"; });
    uses.push_back(std::move(use));
  }
  return uses;
}

std::vector<MetricUse> parse_metrics(const std::string& text) {
  const std::string where = "--metrics";
  Json list = Json::array();
  if (text.starts_with("[") || text.starts_with("{")) {
    list = parse_json(text, where);
    if (list.is_object()) list = Json::array({list});
  } else {
    for (auto& name : split(text, ',')) list.push_back(name);
  }
  Options options(Json{{"metrics", list}}, where);
  return read_metrics(options);
}

bool compares(const MeasureSettings& settings) {
  return std::any_of(settings.metrics.begin(), settings.metrics.end(),
                     [](const MetricUse& use) { return metric_book().get(use.name).reference; });
}

std::vector<NamedSpec> metric_specs(const MeasureSettings& settings, const Task& task,
                                    std::span<const Example> examples, std::span<const Request> requests) {
  std::vector<NamedSpec> specs;
  std::set<std::string> names;
  for (const auto& metric : task.metrics) names.insert(metric.name);
  for (const auto& use : settings.metrics) {
    const auto made = make_metric(use);
    const auto reason = made.metric.declines ? made.metric.declines(task, examples, requests) : std::string();
    require(reason.empty(), Fault::config,
            [&] { return "metric '" + use.name + "' on '" + task.name + "': " + reason; });
    for (auto& spec : made.metric.specs(task, examples)) {
      require(names.insert(spec.name).second, Fault::config, [&] {
        return "metric '" + use.name + "' on '" + task.name + "': '" + spec.name +
               "' is measured twice, expected entries of measure_on of their own";
      });
      specs.push_back({use.name, std::move(spec)});
    }
  }
  return specs;
}

std::int64_t answers_drawn(const MeasureSettings& settings, std::int64_t items) {
  std::int64_t answers = 0;
  for (const auto& use : settings.metrics) {
    const auto made = make_metric(use);
    const auto own = made.items == 0 ? items : std::min(items, static_cast<std::int64_t>(made.items));
    answers += own * made.metric.draws;
  }
  return answers;
}

void measure_metrics(const Task& task, std::span<const Example> examples, std::span<const MetricItem> items,
                     const MetricTools& tools, TaskMeasure& result) {
  std::vector<MadeMetric> metrics;
  for (const auto& use : tools.settings.metrics) metrics.push_back(make_metric(use));
  TaskDesk desk(task, items, tools);
  for (const auto& made : metrics) {
    if (tools.cancel != nullptr) tools.cancel->check();
    const auto count = made.items == 0 ? items.size() : std::min(items.size(), made.items);
    const auto values = made.metric.measure(desk, count);
    for (std::size_t item = 0; item < values.size(); ++item) {
      auto& own = result.samples[item].verdict.values;
      for (const auto& [name, value] : values[item]) own[name] = value;
    }
    for (const auto& spec : made.metric.specs(task, examples)) add_score(made.name, spec, result);
  }
  for (std::size_t item = 0; item < items.size(); ++item) result.samples[item].drawn = desk.kept(item);
  warn_of_draws(metrics, tools.engine, result);
}

std::string declines_without_generation(const Task&, std::span<const Example>, std::span<const Request> requests) {
  const bool generated = std::all_of(requests.begin(), requests.end(), [](const Request& request) {
    return std::holds_alternative<Generation>(request);
  });
  return generated && !requests.empty() ? "" : "it scores given texts, expected a task that asks for written answers";
}

Metric mean_over_tokens(const MetricSpec& spec, TextOf text, std::function<double(const TokenReading&)> value) {
  Metric metric;
  metric.specs = [spec](const Task&, std::span<const Example>) { return std::vector{spec}; };
  metric.declines = [text](const Task&, std::span<const Example> examples,
                           std::span<const Request> requests) -> std::string {
    const bool media =
        std::any_of(examples.begin(), examples.end(), [](const Example& example) { return !example.media.empty(); });
    if (media) return "its prompts hold more than text, which is not read token by token";
    const bool generated = !requests.empty() && std::holds_alternative<Generation>(requests.front());
    const bool without = std::any_of(examples.begin(), examples.end(), [](const Example& example) {
      return example.targets.empty() || example.targets.front().empty();
    });
    if (generated && text == TextOf::gold && without) return "an example has no right answer in words to be read";
    return {};
  };
  metric.measure = [name = spec.name, text, value = std::move(value)](MetricDesk& desk, std::size_t count) {
    const auto& readings = desk.readings(text, count);
    std::vector<MetricValues> values(count);
    for (std::size_t item = 0; item < count; ++item) {
      if (!readings[item].empty()) values[item][name] = mean_of_tokens(readings[item], value);
    }
    return values;
  };
  metric.draws = text == TextOf::gold ? 0 : 1;
  return metric;
}

MetricSpec nats_per_token(const std::string& name) {
  return {.name = name, .unit = {.scale = 1.0, .name = "nats/token"}, .aggregate = {}};
}

}  // namespace touchstone
