#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/text.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"

namespace touchstone {
namespace {

/// The options of one command: "--model --tasks ...".
std::string long_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return join(names, " ");
}

std::vector<std::string> subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());  // without a group: hidden
  }
  return names;
}

// clang-format would take the shell's words for C++.
// clang-format off
/// Words of `touchstone list KIND` complete positional arguments, --tasks and --on.
constexpr const char* bash_head = R"bash(# touchstone: completion for bash. Use: source <(touchstone completion bash)
_touchstone_names() { touchstone list "$1" 2>/dev/null | tail -n +2 | cut -d' ' -f1; }
_touchstone() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} words=
  COMPREPLY=()
  case $before in
    --tasks|--on) words=$(_touchstone_names tasks) ;;
    --dtype) words="float32 bfloat16" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="@COMMANDS@"
  elif [ "$COMP_CWORD" -eq 2 ] && [[ $word != -* ]]; then
    case $command in
      train) words=$(_touchstone_names methods) ;;
      objective) words=$(_touchstone_names objectives) ;;
      list|show) words="tasks methods families objectives stages rewards procedures adapters metrics sections" ;;
      bench) words="train decode score" ;;
      data) words="list verify import" ;;
      completion) words="bash zsh" ;;
    esac
  elif [ "$COMP_CWORD" -eq 3 ] && [ "$command" = show ]; then
    words=$(_touchstone_names "$before")
  fi
  if [ -z "$words" ] && [[ $word == -* ]]; then
    case $command in
@CASES@    esac
  fi
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _touchstone touchstone
)bash";
// clang-format on

std::string bash_script(const CLI::App& app) {
  std::string cases;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    cases += "      " + command->get_name() + ") words=\"" + long_options(*command) + "\" ;;\n";
  }
  return replace_all(replace_all(bash_head, "@COMMANDS@", join(subcommands(app), " ")), "@CASES@", cases);
}

/// zsh runs the bash function in its own emulation, so there is only one implementation.
std::string zsh_script(const CLI::App& app) {
  return "#compdef touchstone\n# touchstone: completion for zsh. Use: source <(touchstone completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(app);
}

}  // namespace

void add_completion(CLI::App& app, Program& program) {
  auto shell = std::make_shared<std::string>();
  auto* command = app.add_subcommand(
      "completion",
      "Prints shell completion.\n\n  source <(touchstone completion bash)\n  source <(touchstone completion zsh)");
  command->add_option("shell", *shell, "bash or zsh")->required()->check(one_of({"bash", "zsh"}));
  command->callback([&app, &program, shell] {
    program.action = [&app, &program, shell] {
      program.out() << (*shell == "bash" ? bash_script(app) : zsh_script(app));
      return Exit::success;
    };
  });
}

}  // namespace touchstone
