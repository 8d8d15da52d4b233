#include <algorithm>
#include <cctype>

#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

/// Phrases of results after a wrong call. Source: "TL-Training: A Task-Feature-Based Framework for
/// Training Large Language Models in Tool Use", arXiv 2412.15495, section 4.1, from the authors' code (mae/mae.py).
const std::vector<std::string> error_phrases = {"is not defined",
                                                "positional argument",
                                                "unexpected keyword",
                                                "'related_searches'",
                                                "ConnectionError",
                                                "\"error\":",
                                                "not supported",
                                                "Invalid API call",
                                                "Response error",
                                                "Object of type SerpResults is not JSON serializable",
                                                "400 Client Error",
                                                "'error'",
                                                "slice indices must be integers or None or have an __index__ method",
                                                "connection error"};

/// Keeps letters and digits, in lower case, and everything beyond ASCII.
std::string bare(const std::string& text) {
  std::string kept;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) != 0) kept += static_cast<char>(std::tolower(byte));
  }
  return kept;
}

struct TurnOptions {
  std::string data;
  bool drop_adverse = true;
  std::vector<std::string> phrases;  ///< as bare() leaves them
};

bool is_error(const Turn& turn, const TurnOptions& options) {
  const auto text = bare(text_of(turn));
  return std::any_of(options.phrases.begin(), options.phrases.end(),
                     [&](const std::string& phrase) { return text.find(phrase) != std::string::npos; });
}

/// Makes a dialogue one row for each turn of the assistant, with all that was said before as the prompt. A turn whose
/// result is an error, or that no result follows, is no target, though later rows still show it. The last turn is
/// always a target.
void split_dialog(const Record& record, const TurnOptions& options, std::vector<Record>& rows) {
  int turn_number = 0;
  for (std::size_t at = 0; at < record.prompt.size(); ++at) {
    if (record.prompt[at].role != Role::assistant) continue;
    ++turn_number;
    const auto* next = at + 1 < record.prompt.size() ? &record.prompt[at + 1] : nullptr;
    const bool adverse = next == nullptr || next->role != Role::tool || is_error(*next, options);
    if (options.drop_adverse && adverse) continue;
    Record row;
    row.id = record.id + "/turn-" + std::to_string(turn_number);
    row.task = record.task;
    row.prompt.assign(record.prompt.begin(), record.prompt.begin() + static_cast<std::ptrdiff_t>(at));
    row.answers.emplace_back();
    row.answers.front().text = text_of(record.prompt[at]);
    if (record.example != nullptr) {  // the right answer of this row is this turn
      auto own = *record.example;
      own.id = row.id;
      own.targets = {row.answers.front().text};
      row.example = std::make_shared<const Example>(std::move(own));
    }
    rows.push_back(std::move(row));
  }
  rows.push_back(record);
}

void run_split_turns(const TurnOptions& options, Session& session) {
  auto& data = session.data.at(options.data);
  std::vector<Record> rows;
  double turns = static_cast<double>(data.size());
  for (const auto& record : data) {
    turns += static_cast<double>(std::count_if(record.prompt.begin(), record.prompt.end(),
                                               [](const Turn& turn) { return turn.role == Role::assistant; }));
    split_dialog(record, options, rows);
  }
  session.values = {{"dialogues", static_cast<double>(data.size())},
                    {"rows", static_cast<double>(rows.size())},
                    {"turns_dropped", turns - static_cast<double>(rows.size())}};
  data = std::move(rows);
}

Stage make_split_turns(Options& options, const TrainerBook&) {
  TurnOptions split;
  split.data = read_on(options, "name of a data set of dialogues");
  split.drop_adverse = options.flag(
      "drop_adverse", "a turn is not trained when no tool's result follows it or the result is an error", true);
  for (const auto& phrase :
       options.texts("error_phrases", "phrases of a result that is an error, in any letter case", error_phrases)) {
    split.phrases.push_back(bare(phrase));
    require(!split.phrases.back().empty(), Fault::config, [&] {
      return options.where() + ": key 'error_phrases': found '" + phrase +
             "', expected a phrase with letters or digits";
    });
  }
  Stage stage;
  stage.needs.push_back(needs_data(split.data));
  stage.run = [split](Session& session) { run_split_turns(split, session); };
  return stage;
}

}  // namespace

namespace plugins {
void split_turns(TrainerBook& book) {
  book.stages.add("split_turns",
                  {.summary = "makes each turn of the assistant a row, except calls that led to errors (MAE)",
                   .make = make_split_turns});
}
}  // namespace plugins
}  // namespace touchstone
