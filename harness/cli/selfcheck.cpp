#include "harness/measure/selfcheck.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <ostream>

#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/table.hpp"

namespace touchstone {
namespace {

std::string percent(double share) { return std::isnan(share) ? "" : fmt::format("{:.1f}", 100.0 * share); }
std::string points(double value) { return std::isnan(value) ? "" : fmt::format("{:.2f}", value); }

Json selfcheck_json(const std::vector<SelfcheckRow>& rows, const SelfcheckSettings& settings) {
  Json out = {{"rounds", settings.rounds}, {"seed", settings.seed}, {"bands", selfcheck_bands()}};
  out["rows"] = Json::array();
  for (const auto& row : rows) {
    out["rows"].push_back({{"kind", row.kind},
                           {"setting", row.setting},
                           {"coverage", number_or_null(row.coverage)},
                           {"level", number_or_null(row.level)},
                           {"power", number_or_null(row.power)},
                           {"half_width_points", number_or_null(row.half_width)},
                           {"ideal_points", number_or_null(row.ideal)},
                           {"seeds", number_or_null(row.seeds)},
                           {"holds", row.holds}});
  }
  return out;
}

int selfcheck_action(Program& program, SelfcheckSettings settings) {
  settings.cancel = &program.cancel();
  const auto rows = selfcheck_statistics(settings);
  std::size_t outside = 0;
  for (const auto& row : rows) outside += row.holds ? 0 : 1;
  if (program.json) {
    program.out() << selfcheck_json(rows, settings).dump(2) << '\n';
    return outside == 0 ? Exit::success : Exit::no;
  }
  Table table({"kind", "setting", "holds %", "wrong %", "power %", "half width", "ideal", "seeds", "in band"});
  for (const auto& row : rows) {
    table.row({row.kind, row.setting, percent(row.coverage), percent(row.level), percent(row.power),
               points(row.half_width), points(row.ideal), std::isnan(row.seeds) ? "" : fmt::format("{:.1f}", row.seeds),
               row.holds ? "yes" : "NO"});
  }
  program.out() << table.text()
                << fmt::format("\nBands: {}.\n{} of {} rows lie within them.\n", selfcheck_bands(),
                               rows.size() - outside, rows.size());
  return outside == 0 ? Exit::success : Exit::no;
}

}  // namespace

void add_selfcheck(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "selfcheck",
      "Checks what the program says of its own numbers: exit 0 all within the stated bands, 1 something is not.");
  command->require_subcommand(1);
  auto* statistics = command->add_subcommand(
      "statistics",
      "Simulates the intervals, tests and smallest effects that reports, claims and gates print: how often an "
      "interval\n"
      "holds the truth, how often something is shown where nothing is, and how often what could be shown is.\n\n"
      "  touchstone selfcheck statistics                   # some minutes\n"
      "  touchstone selfcheck statistics --rounds 400      # some seconds, with wider bands");
  auto settings = std::make_shared<SelfcheckSettings>();
  statistics->add_option("--rounds", settings->rounds, "comparisons simulated a row")
      ->check(whole_number(80, 1000000))
      ->capture_default_str();
  statistics->add_option("--seed", settings->seed, "of the simulation")->capture_default_str();
  statistics->add_flag("--json", program.json, "the rows as JSON");
  statistics->callback(
      [&program, settings] { program.action = [&program, settings] { return selfcheck_action(program, *settings); }; });
}

}  // namespace touchstone
