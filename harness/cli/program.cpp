#include "harness/cli/program.hpp"

#include <unistd.h>
#include <utf8proc.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/pcre.hpp"
#include "harness/base/text.hpp"
#include "harness/cli/version.hpp"

namespace touchstone {
namespace {

// A signal handler can reach only globals: these two are the only ones of the program.
CancelFlag cancel_flag;
volatile std::sig_atomic_t last_signal = 0;

extern "C" void on_signal(int signal) {
  // The second Ctrl-C ends the program at once. Results stay safe: every write is a transaction or a rename.
  if (cancel_flag.is_set()) _exit(128 + signal);
  last_signal = signal;
  cancel_flag.set();
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // With this, a write beyond `ulimit -f` fails like one on a full disk, with an error message, and does not kill.
  std::signal(SIGXFSZ, SIG_IGN);
}

std::string cpu_name() {
  std::string line;
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/cpuinfo", "r"), &std::fclose);
  char buffer[512];
  while (file && std::fgets(buffer, sizeof buffer, file.get()) != nullptr) {
    line = buffer;
    if (line.rfind("model name", 0) != 0) continue;
    const auto colon = line.find(": ");
    return colon == std::string::npos ? "" : line.substr(colon + 2, line.find('\n') - colon - 2);
  }
  return "unknown";
}

constexpr const char* description =
    "touchstone fine-tunes language models and shows what that did to everything else they could do.\n\n"
    "  touchstone eval  --model DIR --tasks mmlu,gsm8k --db results.sqlite   score a checkpoint\n"
    "  touchstone train lora --model DIR --on gsm8k --out DIR2               fine-tune it\n"
    "  touchstone run   configs/plans/quickstart.json --db results.sqlite    methods x tasks x seeds, resumable\n"
    "  touchstone report --db results.sqlite --out report.html               what was gained and lost\n"
    "  touchstone gate  --baseline DIR --candidate DIR2 --max-drop mmlu=0.5  a verdict for CI\n"
    "  touchstone verdict --db papers.sqlite                                what a paper's plan showed\n\n"
    "Exit codes: 0 success, 1 the answer is no (a gate, a failed cell), 2 bad input, 3 undecided, 70 a bug of ours,\n"
    "130 and 143 stopped on request.";

/// Checks that all output was written: a full disk behind `>` is an error.
int finish_output(Program& program, int code) {
  errno = 0;
  program.out().flush();
  if (program.out()) return code;
  const std::string reason = errno == 0 ? "" : std::string(" (") + std::strerror(errno) + ")";
  throw Error(Fault::usage, "standard output: cannot be written whole" + reason);
}

int run_action(Program& program) {
  program.log().set_quiet(program.quiet);
  try {
    return finish_output(program, program.action());
  } catch (const Cancelled&) {
    program.err() << "stopped on request" << program.when_stopped << '\n';
    return last_signal == SIGTERM ? Exit::terminated : Exit::interrupted;
  } catch (const Error& error) {
    program.err() << "touchstone: " << one_line(error.what()) << '\n';
    return error.fault() == Fault::internal ? Exit::bug : Exit::bad_input;
  } catch (const std::bad_alloc&) {
    program.err() << "touchstone: out of memory: use fewer jobs, a smaller batch or a smaller model\n";
    return Exit::bad_input;
  } catch (const std::filesystem::filesystem_error& error) {
    program.err() << "touchstone: " << one_line(error.path1().string()) << ": " << error.code().message() << '\n';
    return Exit::bad_input;
  } catch (const std::exception& error) {
    program.err() << "touchstone: a bug of ours: " << error.what() << '\n';
    return Exit::bug;
  }
}

/// Names of options or commands that the user may have meant.
std::vector<std::string> names_of(const CLI::App& app, bool options) {
  std::vector<std::string> names;
  if (options) {
    for (const auto* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
  } else {
    for (const auto* command : app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); })) {
      names.push_back(command->get_name());
    }
  }
  return names;
}

/// The command that parsing had reached at the error, as a user writes it.
struct Reached {
  const CLI::App* app = nullptr;
  std::string name = "touchstone";
  std::string next;  ///< the argument after it
};

Reached reached(const CLI::App& app, int argc, const char* const* argv) {
  Reached at;
  at.app = &app;
  for (int i = 1; i < argc; ++i) {
    const auto inner = at.app->get_subcommands([&](const CLI::App* one) { return one->get_name() == argv[i]; });
    if (inner.empty()) {
      at.next = argv[i];
      break;
    }
    at.app = inner.front();
    at.name += " " + at.app->get_name();
  }
  return at;
}

/// The error of the command line, in one line that names the nearest option or command.
std::string complaint(const CLI::App& app, int argc, const char* const* argv, const CLI::ParseError& error) {
  const auto at = reached(app, argc, argv);
  const auto commands = names_of(*at.app, false);
  std::string text = one_line(error.what());
  if (!commands.empty() && at.next.empty()) {
    text = "which command? There are: " + join(commands, ", ");
  } else if (!commands.empty() && at.next.front() != '-') {
    text = unknown_name("command", at.next, commands);
  } else if (const auto extras = at.app->remaining(); !extras.empty() && extras.front().rfind("--", 0) == 0) {
    const auto name = extras.front().substr(0, extras.front().find('='));
    const auto near = nearest_name(name, names_of(*at.app, true));
    text = "unknown option '" + one_line(name, 80) + "'" + (near.empty() ? "" : ": did you mean '" + near + "'?");
  }
  return "touchstone: " + text + " (" + at.name + " --help says more)";
}

}  // namespace

Program::Program(const TaskBook& tasks, const ReportBook& reports, std::ostream& out, std::ostream& err)
    : tasks_(&tasks), reports_(&reports), out_(&out), err_(&err), log_(err), cancel_(&cancel_flag) {}

const Resources& Program::resources() {
  if (!resources_) resources_ = std::make_unique<Resources>(Resources::find());
  return *resources_;
}

const DataFolders& Program::data(const std::string& named) {
  data_ = std::make_unique<DataFolders>(resources().data_folders(named), !named.empty());
  return *data_;
}

bool Program::terminal() { return ::isatty(STDERR_FILENO) == 1; }

RunTools Program::tools(const std::string& data_folder, Progress& progress) {
  RunTools tools;
  tools.tasks = tasks_;
  tools.data = &data(data_folder);
  tools.resources = &resources();
  tools.backend = &open_backend();
  tools.environment = this_environment(tools.backend);
  tools.log = &log_;
  tools.progress = &progress;
  tools.cancel = cancel_;
  return tools;
}

std::string code_version() { return version_text(); }

Environment this_environment(Backend* backend) {
  Environment environment;
  environment.code_version = code_version();
  environment.libtorch = backend == nullptr ? "" : backend->library_version();
  environment.compiler = compiler_text();
  environment.cpu = cpu_name();
  environment.cores = static_cast<int>(std::thread::hardware_concurrency());
  environment.system = system_text();
  return environment;
}

int run_program(int argc, const char* const* argv, const TaskBook& tasks, const ReportBook& reports, std::ostream& out,
                std::ostream& err) {
  catch_signals();
  Program program(tasks, reports, out, err);
  CLI::App app(description, "touchstone");
  app.require_subcommand(1);
  app.set_version_flag("--version", code_version() + "\nUnicode " + pcre_unicode_version() + " in patterns (PCRE2), " +
                                        utf8proc_unicode_version() + " in normal forms (utf8proc)");
  app.get_formatter()->column_width(34);
  add_run(app, program);
  add_eval(app, program);
  add_init(app, program);
  add_train(app, program);
  add_gate(app, program);
  add_verdict(app, program);
  add_report(app, program);
  add_list(app, program);
  add_data(app, program);
  add_bench(app, program);
  add_selfcheck(app, program);
  add_objective(app, program);
  add_completion(app, program);
  add_catalogue(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const auto at = reached(app, argc, argv);
    const bool no_command = at.app == &app && !at.next.empty() && at.next.front() != '-';  // NOSUCH --help
    if (error.get_exit_code() == 0 && !no_command) {
      app.exit(error, out, err);
      return run_action(program);
    }
    err << complaint(app, argc, argv, error) << '\n';
    return Exit::bad_input;
  }
  return run_action(program);
}

}  // namespace touchstone
