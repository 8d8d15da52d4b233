#include "harness/report/report.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"

namespace touchstone {
namespace {

struct ReportArguments {
  std::string db;
  std::string out;
  std::string format;
  std::int64_t run = 0;
  int flips = -1;
  std::vector<std::string> sections;
};

/// The format that was named, else the one that the file's ending says; HTML for the terminal.
std::string format_of(const ReportArguments& arguments) {
  if (!arguments.format.empty()) return arguments.format;
  const auto ending = std::filesystem::path(arguments.out).extension().string();
  for (const char* known : {"md", "csv", "json"}) {
    if (ending == std::string(".") + known) return known;
  }
  const bool page = ending == ".html" || ending == ".htm" || arguments.out.empty() || arguments.out == "-";
  require(page, Fault::usage, [&] {
    return "--out " + arguments.out + ": found the ending '" + ending +
           "', expected .html, .md, .csv or .json, or a --format";
  });
  return "html";
}

int report_action(Program& program, const ReportArguments& arguments) {
  const Store store(arguments.db, Store::Open::read_only);
  const auto format = format_of(arguments);
  ReportInput input;
  if (format != "digest") {
    ReportSettings settings;
    if (arguments.run > 0) settings.run = arguments.run;
    if (arguments.flips >= 0) settings.flips_shown = arguments.flips;
    try {
      input = collect(store, settings);
    } catch (const Error& error) {
      if (error.fault() != Fault::usage) throw;
      throw Error(Fault::usage, arguments.db + ": " + error.what());
    }
    require(!input.runs.empty() || !input.measures.empty(), Fault::usage,
            [&] { return arguments.db + ": holds no run and no measure yet"; });
  }
  std::string text;
  if (format == "digest") text = store.content_digest() + "\n";
  const auto& sections = arguments.sections;
  require(sections.empty() || format == "html" || format == "md" || format == "csv" || format == "json", Fault::usage,
          [&] { return "--section: found --format " + format + ", expected html, md, csv or json"; });
  if (format == "html") text = render_html(input, program.sections(), sections);
  if (format == "md") text = render_markdown(input, program.sections(), sections);
  if (format == "brief") text = render_brief(input);
  if (format == "csv")
    text = sections.empty() ? render_csv(input) : render_section_csv(input, program.sections(), sections);
  if (format == "json") {
    text = sections.empty() ? render_json(input) : render_section_json(input, program.sections(), sections);
  }
  if (format == "lm-eval") text = render_lm_eval(input);
  if (arguments.out.empty() || arguments.out == "-") {
    program.out() << text;
  } else {
    write_file_atomically(arguments.out, text);
    program.log().info("wrote " + arguments.out);
  }
  return Exit::success;
}

}  // namespace

void add_report(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "report",
      "One self-contained page of what the methods gained and lost. The same database gives the same bytes.\n\n"
      "  touchstone report --db results.sqlite --out report.html\n"
      "  touchstone report --db results.sqlite --format md");
  auto arguments = std::make_shared<ReportArguments>();
  command->add_option("--db", arguments->db, "results database")->required();
  command->add_option("--out", arguments->out, "file to write; default: stdout");
  command
      ->add_option("--format", arguments->format,
                   "html, md, brief (some lines in words), csv, json, lm-eval, or digest (a hash of all content but "
                   "times); default: as the file's "
                   "ending says")
      ->check(one_of({"html", "md", "brief", "csv", "json", "lm-eval", "digest"}));
  command->add_option("--run", arguments->run, "only this run (its number in the database)")
      ->check(whole_number(1, INT64_MAX));
  command
      ->add_option("--flips", arguments->flips,
                   "flipped samples shown of each cell and benchmark; default: 6, fewer in a large report")
      ->check(whole_number(0, 1000));
  command
      ->add_option(
          "--section", arguments->sections,
          "only these sections of the report (`touchstone list sections` names them), in html, md, csv or json")
      ->delimiter(',');
  command->callback(
      [&program, arguments] { program.action = [&program, arguments] { return report_action(program, *arguments); }; });
}

}  // namespace touchstone
