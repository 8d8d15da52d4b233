#include "harness/report/report.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/text.hpp"
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

/// A format besides those of reports/: a hash. It reads the store itself.
constexpr const char* digest_format = "digest";

/// The format that was named, else that of the file's ending; HTML for the terminal.
std::string format_of(const ReportArguments& arguments, const Registry<ReportFormat>& formats) {
  if (!arguments.format.empty()) return arguments.format;
  if (arguments.out.empty() || arguments.out == "-") return "html";
  const auto ending = std::filesystem::path(arguments.out).extension().string();
  std::vector<std::string> known;
  for (const auto& name : formats.names()) {
    for (const auto& one : formats.get(name).endings) {
      if (one == ending) return name;
      known.push_back(one);
    }
  }
  throw Error(Fault::usage, "--out " + arguments.out + ": found the ending '" + ending + "', expected " +
                                join(known, ", ") + ", or a --format");
}

/// The input of a report with these arguments.
ReportInput input_of(const Program& program, const ReportArguments& arguments, const Store& store) {
  ReportSettings settings;
  if (arguments.run > 0) settings.run = arguments.run;
  if (arguments.flips >= 0) settings.flips_shown = arguments.flips;
  ReportInput input;
  try {
    input = program.reports().collect(store, settings);
  } catch (const Error& error) {
    if (error.fault() != Fault::usage) throw;
    throw Error(Fault::usage, arguments.db + ": " + error.what());
  }
  require(!input.runs.empty() || !input.measures.empty(), Fault::usage,
          [&] { return arguments.db + ": holds no run and no measure yet"; });
  return input;
}

std::string report_text(const Program& program, const ReportArguments& arguments) {
  const Store store(arguments.db, Store::Open::read_only);
  const auto& formats = program.reports().formats;
  const auto format = format_of(arguments, formats);
  const bool takes_sections = format != digest_format && formats.get(format).takes_sections;
  require(arguments.sections.empty() || takes_sections, Fault::usage, [&] {
    std::vector<std::string> known;
    for (const auto& name : formats.names()) {
      if (formats.get(name).takes_sections) known.push_back(name);
    }
    return "--section: found --format " + format + ", expected one of " + join(known, ", ");
  });
  if (format == digest_format) return store.content_digest() + "\n";
  return formats.get(format).render(input_of(program, arguments, store), program.reports().sections,
                                    arguments.sections);
}

int report_action(Program& program, const ReportArguments& arguments) {
  const auto text = report_text(program, arguments);
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
  auto formats = program.reports().formats.names();
  std::vector<std::string> described;
  for (const auto& name : formats) {
    const auto& summary = program.reports().formats.get(name).summary;
    described.push_back(summary.empty() ? name : name + " (" + summary + ")");
  }
  formats.emplace_back(digest_format);
  auto arguments = std::make_shared<ReportArguments>();
  command->add_option("--db", arguments->db, "results database")->required();
  command->add_option("--out", arguments->out, "file to write; default: stdout");
  command
      ->add_option(
          "--format", arguments->format,
          join(described, ", ") + " or digest (a hash of all content but times); default: as the file's ending says")
      ->check(one_of(formats));
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
