#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/text.hpp"
#include "harness/cli/program.hpp"

namespace touchstone {
namespace {

/// "--model --tasks ..." of one command.
std::string long_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return join(names, " ");
}

std::vector<std::string> subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// The words of `touchstone list KIND` that complete a positional argument or --tasks.
constexpr const char* bash_head = R"bash(# touchstone: completion for bash. Use: source <(touchstone completion bash)
_touchstone_names() { touchstone list "$1" 2>/dev/null | tail -n +2 | cut -d' ' -f1; }
_touchstone() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "@COMMANDS@" -- "$word")); return
  fi
  case $before in
    --tasks|--on) COMPREPLY=($(compgen -W "$(_touchstone_names tasks)" -- "$word"));
return;
;
    train) COMPREPLY=($(compgen -W "$(_touchstone_names methods)" -- "$word"));
    return;
    ;
    objective) COMPREPLY=($(compgen -W "$(_touchstone_names objectives)" -- "$word"));
    return;
    ;
    list|show) COMPREPLY=($(compgen -W "tasks methods families objectives stages metrics sections" -- "$word"));
    return;
    ;
    tasks|methods|families|objectives|stages|metrics|sections)
      if [ "$command" = show ];
    then COMPREPLY = ($(compgen - W "$(_touchstone_names " $before ")" --"$word"));
    return;
    fi;
    ;
    bench) COMPREPLY=($(compgen -W "train decode score" -- "$word"));
    return;
    ;
    --dtype) COMPREPLY=($(compgen -W "float32 bfloat16" -- "$word"));
    return;
    ;
  esac
  case $word in
    -*)
      case $command in
@CASES@      esac
      return ;
  ;
  esac COMPREPLY = ($(compgen - f-- "$word"))
  }
complete -o filenames -F _touchstone touchstone
)bash";

std::string bash_script(const CLI::App& app) {
  std::string cases;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    cases += "        " + command->get_name() + ") COMPREPLY=($(compgen -W \"" + long_options(*command) +
             "\" -- \"$word\")) ;;\n";
  }
  return replace_all(replace_all(bash_head, "@COMMANDS@", join(subcommands(app), " ")), "@CASES@", cases);
}

/// zsh runs the bash function through its own emulation, so there is one source of truth.
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
  command->add_option("shell", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([&app, &program, shell] {
    program.action = [&app, &program, shell] {
      program.out() << (*shell == "bash" ? bash_script(app) : zsh_script(app));
      return Exit::success;
    };
  });
}

}  // namespace touchstone
