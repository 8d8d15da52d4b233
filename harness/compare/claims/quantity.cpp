#include "harness/compare/claims/quantity.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "harness/base/error.hpp"
#include "harness/measure/direction.hpp"

namespace touchstone {
namespace {

Quantity::Of quantity_named(const std::string& name) {
  if (name == "drop") return Quantity::Of::drop;
  if (name == "gap") return Quantity::Of::gap;
  return name == "logged" ? Quantity::Of::logged : Quantity::Of::score;
}

}  // namespace

Quantity read_quantity(Options& options, const std::string& fallback) {
  Quantity quantity;
  const auto otherwise = fallback.empty() ? std::nullopt : std::optional(fallback);
  quantity.of = quantity_named(
      options.text("of", "what is compared", {.fallback = otherwise, .choices = {"score", "drop", "gap", "logged"}}));
  quantity.train_on = options.text("train_on", "only cells trained on this", {.fallback = ""});
  if (quantity.of == Quantity::Of::score || quantity.of == Quantity::Of::gap) {
    quantity.task = options.text("task", "a benchmark", {.fallback = trained_name});
  }
  if (quantity.of == Quantity::Of::score) {
    quantity.metric = options.text("metric", "a metric of the benchmark; \"\": its main one", {.fallback = ""});
  }
  if (quantity.of == Quantity::Of::logged) {
    quantity.key = options.text("key", "STAGE.KEY of the stage's log");
    quantity.ratio = options.flag("ratio", "compare arm / against with 1", false);
    require(quantity.key.find('.') != std::string::npos, Fault::config, [&] {
      return options.where() + ": key 'key': found '" + quantity.key + "', expected STAGE.KEY, such as train.last_loss";
    });
  }
  return quantity;
}

std::string quantity_text(const Quantity& quantity) {
  const auto task = quantity.task == trained_name ? std::string("the training task") : quantity.task;
  switch (quantity.of) {
    case Quantity::Of::score:
      return (quantity.metric.empty() ? "score" : quantity.metric.substr(0, quantity.metric.find(','))) + " on " + task;
    case Quantity::Of::drop:
      return "mean drop elsewhere";
    case Quantity::Of::gap:
      return "over-confidence on " + task;
    case Quantity::Of::gain:
      return "gain on the training task";
    case Quantity::Of::logged:
      break;
  }
  return quantity.key;
}

std::string trained_text(const Quantity& quantity) {
  return quantity.train_on.empty() ? "" : ", trained on " + quantity.train_on;
}

double QuantityWords::from_shown(double shown) const {
  if (quantity.of == Quantity::Of::logged) return quantity.ratio ? std::log1p(shown) : shown;
  return shown / unit.scale;
}

double QuantityWords::to_shown(double value) const {
  if (quantity.of == Quantity::Of::logged) return quantity.ratio ? std::expm1(value) : value;
  return value * unit.scale;
}

std::string QuantityWords::number(double value, const std::string& named) const {
  if (quantity.ratio) return fmt::format("x {:.3g}", std::exp(value));
  if (quantity.of == Quantity::Of::logged) return fmt::format("{:+.4g}", value);
  const int digits = in_points() ? 1 : 3;
  double shown = value * unit.scale;
  if (std::fabs(shown) < 0.5 * std::pow(10.0, -digits)) shown = 0.0;
  return difference_words(shown, fmt::format("{:.{}f}", std::fabs(shown), digits), named, higher_is_better);
}

std::string QuantityWords::difference(double value) const { return number(value, unit.name); }

std::string QuantityWords::with_interval(double value, const Interval& interval) const {
  const auto note = direction_note(higher_is_better);
  return fmt::format("{} [{}, {}]{}", difference(value), number(interval.low, ""), number(interval.high, ""),
                     note.empty() ? "" : " (" + note + ")");
}

std::string QuantityWords::effect(double size) const {
  if (quantity.ratio) return fmt::format("a factor of {:.3g}", std::exp(size));
  if (quantity.of == Quantity::Of::logged) return fmt::format("{:.4g}", size);
  return fmt::format("{:.{}f} {}", size * unit.scale, in_points() ? 1 : 3, unit.name);
}

}  // namespace touchstone
