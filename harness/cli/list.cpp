#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/method_page.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/table.hpp"
#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

const std::vector<std::string> kinds = {"tasks",   "methods",    "families", "objectives", "stages",
                                        "rewards", "procedures", "adapters", "metrics",    "sections"};

/// One listed thing; `details` is what `show` prints.
struct Entry {
  std::string name;
  std::string summary;
  Json details;
};

Json files_json(const Task& task) {
  Json files = Json::array();
  for (const auto& file : task.files) {
    files.push_back({{"split", split_name(file.split)},
                     {"paths", file.paths},
                     {"sha256", file.sha256},
                     {"licence", file.licence},
                     {"origin", file.origin}});
  }
  return files;
}

Json task_json(const Task& task) {
  Json metrics = Json::array();
  for (const auto& metric : task.metrics) {
    metrics.push_back({{"name", metric.name},
                       {"higher_is_better", metric.higher_is_better},
                       {"chance", metric.chance},
                       {"unit", metric.unit.name}});
  }
  return {{"name", task.name},
          {"family", task.family},
          {"version", task.version},
          {"summary", task.summary},
          {"source", task.source},
          {"shots", task.format.shots},
          {"shots_fixed", task.format.shots_fixed},
          {"description", task.format.description},
          {"target_delimiter", task.format.target_delimiter},
          {"fewshot_delimiter", task.format.fewshot_delimiter},
          {"gen_prefix", task.format.gen_prefix},
          {"evaluated", split_name(task.evaluated)},
          {"trained", split_name(task.trained)},
          {"metrics", metrics},
          {"files", files_json(task)}};
}

std::vector<Entry> task_entries(const Program& program) {
  std::vector<Entry> entries;
  for (const auto& name : program.tasks().groups.names()) {
    const auto& group = program.tasks().groups.get(name);
    entries.push_back({name,
                       "group of " + std::to_string(program.tasks().expand(name).size()) + ": " + group.summary,
                       {{"name", name},
                        {"summary", group.summary},
                        {"members", group.members},
                        {"weight_by_size", group.weight_by_size},
                        {"metrics", group.metrics}}});
  }
  for (const auto& name : program.tasks().tasks.names()) {
    const auto& task = program.tasks().tasks.get(name);
    entries.push_back({name, task.summary, task_json(task)});
  }
  return entries;
}

/// A metric of the book, with its options.
Json further_metric_json(const std::string& name, const MetricEntry& metric) {
  auto options = Options::describe(name);
  metric.make(options);
  Json described = Json::array();
  for (const auto& spec : options.specs()) {
    described.push_back({{"key", spec.key}, {"type", spec.type}, {"default", spec.fallback}, {"help", spec.help}});
  }
  return {{"name", name},        {"summary", metric.summary}, {"source", metric.source},
          {"unit", metric.unit}, {"better", metric.better},   {"compares_with_base", metric.reference},
          {"options", described}};
}

std::vector<Entry> metric_entries(const Program& program) {
  std::map<std::string, std::vector<std::string>> users;
  for (const auto& name : program.tasks().tasks.names()) {
    for (const auto& metric : program.tasks().tasks.get(name).metrics) users[metric.name].push_back(name);
  }
  std::vector<Entry> entries;
  for (const auto& name : metric_book().names()) {
    const auto& metric = metric_book().get(name);
    entries.push_back({name, "beside any task's own: " + metric.summary, further_metric_json(name, metric)});
  }
  for (const auto& [name, tasks] : users) {
    const auto shown = std::span(tasks).first(std::min<std::size_t>(3, tasks.size()));
    entries.push_back(
        {name,
         fmt::format("reported by {} tasks: {}{}", tasks.size(), join(shown, ", "), tasks.size() > 3 ? ", ..." : ""),
         {{"name", name}, {"tasks", tasks}}});
  }
  return entries;
}

std::vector<Entry> method_entries(Program& program) {
  std::vector<Entry> entries;
  for (const auto& name : program.resources().methods()) {
    auto recipe = read_json(program.resources().method(name));
    auto paper = recipe.value("paper", "");
    entries.push_back({name, std::move(paper), std::move(recipe)});
  }
  return entries;
}

std::vector<Entry> section_entries(const Program& program) {
  std::vector<Entry> entries;
  for (const auto& name : program.reports().sections.names()) {
    const auto& section = program.reports().sections.get(name);
    entries.push_back({name, section.title, {{"name", name}, {"title", section.title}, {"order", section.order}}});
  }
  return entries;
}

/// Families, objectives, stages, rewards, procedures and adapters are in the tensor library. The build wrote a table of
/// them, so the library need not be opened.
std::vector<Entry> catalogue_entries(Program& program, const std::string& kind) {
  const auto catalogue = read_json(program.resources().catalogue());
  std::vector<Entry> entries;
  for (const auto& entry : catalogue.at(kind)) entries.push_back({entry.at("name"), entry.value("summary", ""), entry});
  return entries;
}

std::vector<Entry> entries_of(Program& program, const std::string& kind) {
  if (kind == "tasks") return task_entries(program);
  if (kind == "methods") return method_entries(program);
  if (kind == "metrics") return metric_entries(program);
  if (kind == "sections") return section_entries(program);
  return catalogue_entries(program, kind);
}

void print_value(std::ostream& out, const Json& value, const std::string& indent) {
  for (const auto& member : value.items()) {
    const auto& inner = member.value();
    const std::string name = value.is_array() ? "-" : member.key() + ":";
    if (inner.is_structured() && inner.dump().size() > 90) {
      out << indent << name << '\n';
      print_value(out, inner, indent + "  ");
    } else {
      out << indent << name << ' ' << (inner.is_string() ? inner.get<std::string>() : inner.dump()) << '\n';
    }
  }
}

int list_action(Program& program, const std::string& kind) {
  const auto entries = entries_of(program, kind);
  if (program.json) {
    Json all = Json::array();
    for (const auto& entry : entries) all.push_back({{"name", entry.name}, {"summary", entry.summary}});
    program.out() << all.dump(2) << '\n';
    return Exit::success;
  }
  Table table({kind, "what it is"});
  for (const auto& entry : entries) table.row({entry.name, entry.summary});
  program.out() << table.text();
  return Exit::success;
}

int show_action(Program& program, const std::string& kind, const std::string& name) {
  const auto entries = entries_of(program, kind);
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    names.push_back(entry.name);
    if (entry.name != name) continue;
    if (program.json) {
      program.out() << (kind == "methods" ? method_json(program, entry.details) : entry.details).dump(2) << '\n';
      return Exit::success;
    }
    if (kind == "methods") {
      print_method(program, entry.details);
    } else {
      print_value(program.out(), entry.details, "");
    }
    return Exit::success;
  }
  throw Error(Fault::usage,
              unknown_name(kind.substr(0, kind.size() - (kind == "families" ? 3 : 1)) + (kind == "families" ? "y" : ""),
                           name, names));
}

}  // namespace

void add_list(CLI::App& app, Program& program) {
  struct Arguments {
    std::string kind;
    std::string name;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* list =
      app.add_subcommand("list", "Lists what there is.\n\n  touchstone list tasks\n  touchstone list methods --json");
  list->add_option("kind", arguments->kind, join(kinds, ", "))->required()->check(one_of(kinds));
  list->add_flag("--json", program.json, "as JSON");
  list->callback([&program, arguments] {
    program.action = [&program, arguments] { return list_action(program, arguments->kind); };
  });
  auto* show = app.add_subcommand("show",
                                  "Shows one thing whole: its options, its source, its data files.\n\n"
                                  "  touchstone show tasks gsm8k\n  touchstone show methods asft");
  show->add_option("kind", arguments->kind, join(kinds, ", "))->required()->check(one_of(kinds));
  show->add_option("name", arguments->name, "which one")->required();
  show->add_flag("--json", program.json, "as JSON");
  show->callback([&program, arguments] {
    program.action = [&program, arguments] { return show_action(program, arguments->kind, arguments->name); };
  });
}

}  // namespace touchstone
