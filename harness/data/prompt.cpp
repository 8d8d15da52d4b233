#include "harness/data/prompt.hpp"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <atomic>
#include <iterator>

#include "harness/base/error.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/data/python_random.hpp"

namespace touchstone {
namespace {

bool starts_with_space(std::string_view text) { return !text.empty() && lstrip(text).size() != text.size(); }
bool ends_with_space(std::string_view text) { return !text.empty() && rstrip(text).size() != text.size(); }

/// Joins the two. The delimiter goes between them only when neither has white space at the seam.
std::string join_seam(const std::string& first, const std::string& second, const std::string& delimiter) {
  if (first.empty()) return second;
  if (second.empty()) return first;
  if (ends_with_space(first) || starts_with_space(second)) return first + second;
  return first + delimiter + second;
}

std::string prefix_of(const Task& task, const Example& example) {
  const auto own = example.facts.find("gen_prefix");
  return own == example.facts.end() ? task.format.gen_prefix : own->second;
}

/// The answer shown in a shot: the first target in words, or the right choice.
std::string answer_of(const Task& task, const Example& example) {
  if (!example.targets.empty()) return example.targets.front();
  require(!example.gold.empty() && example.gold.front() >= 0 &&
              static_cast<std::size_t>(example.gold.front()) < example.choices.size(),
          Fault::data,
          [&] { return task.name + ": example " + example.id + " has no right answer to show as a shot"; });
  return example.choices[static_cast<std::size_t>(example.gold.front())];
}

Turn question_turn(const Example& example, std::string delimiter) {
  Turn turn{.role = Role::user, .parts = {}, .delimiter = std::move(delimiter)};
  for (const auto& media : example.media) turn.parts.emplace_back(media);
  turn.parts.emplace_back(example.question);
  return turn;
}

Turn text_turn(Role role, std::string text, std::string delimiter) {
  return {.role = role, .parts = {std::move(text)}, .delimiter = std::move(delimiter)};
}

/// The delimiter between a question and a prefix of the answer.
std::string prefix_delimiter(const Task& task, const Example& example, const std::string& prefix) {
  const bool seam = !example.question.empty() && !ends_with_space(example.question) && !starts_with_space(prefix);
  return seam ? task.format.target_delimiter : "";
}

/// All turns before the example itself: the system text and the shots.
Dialog leading_turns(const Task& task, std::span<const Example* const> shots, const PromptSettings& settings) {
  Dialog dialog;
  auto system = join_seam(settings.system_instruction, task.format.description, task.format.fewshot_delimiter);
  if (!system.empty()) dialog.push_back(text_turn(Role::system, std::move(system), ""));
  for (const auto* shot : shots) {
    const auto prefix = prefix_of(task, *shot);
    const auto answer = answer_of(task, *shot);
    dialog.push_back(question_turn(*shot, prefix.empty() ? (answer.empty() ? "" : task.format.target_delimiter)
                                                         : prefix_delimiter(task, *shot, prefix)));
    if (answer.empty() && prefix.empty()) continue;
    dialog.push_back(text_turn(Role::assistant, answer.empty() ? prefix : join_seam(prefix, answer, " "),
                               answer.empty() ? "" : task.format.fewshot_delimiter));
  }
  return dialog;
}

/// The turns of the example itself, unanswered.
Dialog own_turns(const Task& task, const Example& example) {
  const auto prefix = prefix_of(task, example);
  Dialog dialog = example.history;
  if (dialog.empty() || !example.question.empty()) {
    dialog.push_back(question_turn(example, prefix.empty() ? "" : prefix_delimiter(task, example, prefix)));
  }
  if (!prefix.empty()) dialog.push_back(text_turn(Role::assistant, prefix, ""));
  return dialog;
}

/// Merges all user and assistant turns, except an open assistant prefix, into one user turn.
Dialog single_turn(const Dialog& dialog) {
  Dialog folded;
  auto first = dialog.begin();
  if (first != dialog.end() && first->role == Role::system) folded.push_back(*first++);
  const bool open = dialog.back().role == Role::assistant;
  const auto last = open ? std::prev(dialog.end()) : dialog.end();
  Turn user{.role = Role::user, .parts = {}, .delimiter = {}};
  std::string text;
  for (auto turn = first; turn != last; ++turn) {
    for (const auto& part : turn->parts) {
      if (std::holds_alternative<Media>(part)) user.parts.push_back(part);
    }
    text += text_of(*turn);
    if (std::next(turn) != last) text += turn->delimiter;
  }
  user.parts.emplace_back(std::move(text));
  folded.push_back(std::move(user));
  if (open) folded.push_back(dialog.back());
  return folded;
}

/// Cuts the text of a dialog whose last turn is a prefix of the answer: nothing remains after that prefix.
std::string cut_after_prefix(const std::string& rendered, const std::string& prefix) {
  const auto stripped = strip(prefix);
  const auto at = rendered.rfind(stripped);
  require(at != std::string::npos && !stripped.empty(), Fault::checkpoint, [&] {
    return "the chat template does not write '" + std::string(stripped) + "', with which the task begins the answer";
  });
  const auto with_end = lstrip(prefix);
  const bool kept = rendered.compare(at, with_end.size(), with_end) == 0;
  return rendered.substr(0, at + (kept ? with_end.size() : stripped.size()));
}

Dialog without_system(Dialog dialog, Mode mode) {
  const auto system = text_of(dialog.front());
  dialog.erase(dialog.begin());
  if (mode == Mode::fixed && !dialog.empty()) {
    auto& parts = dialog.front().parts;
    parts.insert(parts.begin(), std::string(rstrip(system)) + "\n\n");
  }
  return dialog;
}

class ChatWriter {
 public:
  ChatWriter(const Task& task, const PromptSettings& settings) : task_(task), settings_(settings) {}

  std::string write(const Dialog& turns) {
    const Dialog dialog = settings_.multiturn ? turns : single_turn(turns);
    if (dialog.front().role != Role::system) return render(dialog);
    if (system_refused_) return render(without_system(dialog, settings_.mode));
    try {
      return render(dialog);
    } catch (const Error& error) {
      if (error.fault() != Fault::checkpoint) throw;
      auto text = render(without_system(dialog, settings_.mode));  // throws when the system turn was not the reason
      refuse(error.what());
      return text;
    }
  }

 private:
  std::string render(const Dialog& dialog) const {
    const bool open = dialog.back().role == Role::assistant;
    auto text = settings_.chat(dialog, !open);
    return open ? cut_after_prefix(text, text_of(dialog.back())) : text;
  }

  void refuse(const std::string& reason) {
    if (system_refused_.exchange(true) || !settings_.warn) return;
    settings_.warn(
        task_.name + ": the chat template refuses a system turn (" + reason + "), so its text was " +
        (settings_.mode == Mode::fixed ? "put into the first user turn" : "left out, as the reference does"));
  }

  const Task& task_;
  const PromptSettings& settings_;
  std::atomic<bool> system_refused_{false};
};

bool same_document(const Example& a, const Example& b) {
  if (!a.doc_hash.empty() && !b.doc_hash.empty()) return a.doc_hash == b.doc_hash;
  return a.question == b.question && a.targets == b.targets && a.choices == b.choices && a.gold == b.gold;
}

using Shots = std::vector<const Example*>;

/// Draws the shots of all documents, one document after the other.
class ShotDrawer {
 public:
  ShotDrawer(const Task& task, std::span<const Example> pool, const PromptSettings& settings)
      : task_(task),
        pool_(pool),
        settings_(settings),
        wanted_(static_cast<std::size_t>(shots_of(task, settings.shots))),
        random_(settings.fewshot_seed) {
    require(wanted_ <= pool_.size(), Fault::config, [&] {
      return task_.name + ": " + std::to_string(wanted_) + " shots are asked for, but there are only " +
             std::to_string(pool_.size()) + " examples to take them from";
    });
  }

  /// Whether the shots are equal for every document, so that text made of them can be kept.
  bool constant() const { return wanted_ == 0 || (first_n() && !excludes()); }

  Shots draw(const Example& example) {
    if (wanted_ == 0) return {};
    if (first_n()) {
      Shots shots;
      for (const auto& candidate : pool_) {
        if (shots.size() == wanted_) break;
        if (!excludes() || !same_document(candidate, example)) shots.push_back(&candidate);
      }
      return enough(std::move(shots));
    }
    if (settings_.mode == Mode::fixed) {
      PythonRandom own(derive_seed(settings_.fewshot_seed, task_.name + "/" + example.id));
      return pick(own, std::min(wanted_ + 1, pool_.size()), &example);
    }
    return pick(random_, wanted_ + (excludes() ? 1 : 0), excludes() ? &example : nullptr);
  }

 private:
  bool first_n() const { return task_.format.sampler == PromptFormat::Sampler::first_n; }
  bool excludes() const { return task_.format.draw_one_more || settings_.mode == Mode::fixed; }

  Shots pick(PythonRandom& random, std::size_t count, const Example* excluded) {
    Shots shots;
    for (const auto index : random.sample(pool_.size(), count)) {
      if (shots.size() == wanted_) break;
      if (excluded == nullptr || !same_document(pool_[index], *excluded)) shots.push_back(&pool_[index]);
    }
    return enough(std::move(shots));
  }

  Shots enough(Shots shots) const {
    require(shots.size() == wanted_, Fault::config, [&] {
      return task_.name + ": " + std::to_string(wanted_) +
             " shots are asked for, but beside the question itself there are only " + std::to_string(shots.size()) +
             " examples to take them from";
    });
    return shots;
  }

  const Task& task_;
  std::span<const Example> pool_;
  const PromptSettings& settings_;
  std::size_t wanted_;
  PythonRandom random_;
};

}  // namespace

int shots_of(const Task& task, int wanted) {
  const bool own = wanted < 0 || task.format.shots_fixed;
  return std::max(0, own ? task.format.shots : wanted);
}

std::string plain_text(const Dialog& dialog) {
  std::string text;
  for (const auto& turn : dialog) {
    for (const auto& part : turn.parts) {
      const auto* piece = std::get_if<std::string>(&part);
      text += piece != nullptr ? *piece : facts_of(kind_of(std::get<Media>(part))).placeholder;
    }
    text += turn.delimiter;
  }
  return text;
}

Dialog build_dialog(const Task& task, const Example& example, std::span<const Example* const> shots,
                    const PromptSettings& settings) {
  Dialog dialog = leading_turns(task, shots, settings);
  for (auto& turn : own_turns(task, example)) dialog.push_back(std::move(turn));
  return dialog;
}

std::vector<std::string> build_contexts(const Task& task, std::span<const Example> examples,
                                        std::span<const Example> pool, const PromptSettings& settings) {
  const std::span<const Example> source =
      task.format.shots_from ? pool : std::span<const Example>(task.format.shot_examples);
  ShotDrawer drawer(task, source, settings);
  std::vector<std::string> contexts(examples.size());
  if (examples.empty()) return contexts;
  if (!settings.chat && drawer.constant()) {
    const auto leading = plain_text(leading_turns(task, drawer.draw(examples.front()), settings));
    tbb::parallel_for(std::size_t{0}, examples.size(),
                      [&](std::size_t i) { contexts[i] = leading + plain_text(own_turns(task, examples[i])); });
    return contexts;
  }
  // Drawing is sequential (one generator serves all documents in order); writing the prompts is not.
  std::vector<Shots> shots;
  shots.reserve(examples.size());
  for (const auto& example : examples) shots.push_back(drawer.draw(example));
  ChatWriter writer(task, settings);
  tbb::parallel_for(std::size_t{0}, examples.size(), [&](std::size_t i) {
    const auto dialog = build_dialog(task, examples[i], shots[i], settings);
    contexts[i] = settings.chat ? writer.write(dialog) : plain_text(dialog);
  });
  return contexts;
}

TrainingPair training_pair(const Task& task, const Example& example) {
  TrainingPair pair{.prompt = build_dialog(task, example, {}, {}), .answer = answer_of(task, example)};
  auto& last = pair.prompt.back();
  // As in a shot: the delimiter stands between question and answer, a single space between prefix and answer.
  if (last.role != Role::assistant) {
    last.delimiter = task.format.target_delimiter;
  } else if (!ends_with_space(text_of(last)) && !starts_with_space(pair.answer)) {
    last.delimiter = " ";
  }
  return pair;
}

}  // namespace touchstone
