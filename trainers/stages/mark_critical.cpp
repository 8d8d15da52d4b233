#include <algorithm>
#include <functional>
#include <span>

#include "harness/base/draws.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/engine/stop_text.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/forks.hpp"
#include "trainers/loops/rollouts.hpp"
#include "trainers/loops/stage_progress.hpp"
#include "trainers/losses/loss.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

/// What is marked: the critical tokens, as many tokens of the same answer drawn at random, as many at which the model's
/// entropy is highest, or every token. All but the first are controls: they separate the effect of which tokens are
/// trained from that of how many.
enum class Marked : std::uint8_t { critical, random, entropy, all };

struct MarkOptions {
  std::string data;
  Marked marked = Marked::critical;
  Reward rule;
  std::int64_t candidates = 2;
  bool all_wrong = true;
  int max_new_tokens = 256;
};

/// Reads what the model predicts at each place of each answer: `read` makes [places, width] numbers of logits
/// [places, vocabulary], and `take` gets those of each place of an answer's own text.
template <class Number>
void look_through(const Session& session, const std::vector<Row>& rows,
                  const std::function<at::Tensor(const at::Tensor&)>& read,
                  const std::function<void(std::size_t row, std::size_t at, std::span<const Number>)>& take) {
  // The number of logits in memory at a time.
  constexpr std::int64_t most_logits = std::int64_t{1} << 26;
  const at::NoGradGuard no_grad;
  auto& model = *session.model;
  std::vector<std::size_t> all(rows.size());
  for (std::size_t number = 0; number < rows.size(); ++number) all[number] = number;
  const auto tokens = std::clamp<std::int64_t>(most_logits / model.vocabulary(), 1, 4096);
  StageProgress progress(session, rows.size(), "answers looked through token by token");
  for (const auto& group : token_groups(rows, all, tokens)) {
    progress.at(group.front());
    if (session.hooks->cancel != nullptr) session.hooks->cancel->check();
    const auto batch = make_batch(rows, group, Normaliser::token_mean, model.head().weight.device(), session.reader());
    Want want;
    want.logits_at = batch.at;
    const auto logits = model.forward(inputs_of(model, batch), want).logits;
    const auto found = read(logits).to(at::kCPU).contiguous();
    const auto width = static_cast<std::size_t>(found.size(1));
    const auto* next = found.template const_data_ptr<Number>();
    for (const auto number : batch.record_numbers) {
      const auto& row = rows[static_cast<std::size_t>(number)];
      const auto& pieces = row.facts.pieces;
      // The first token of a row has nothing before it that could predict it.
      for (std::size_t at = row.prompt_tokens == 0 ? 1 : 0; at < pieces.size(); ++at, next += width) {
        if (pieces[at].first == pieces[at].last) continue;  // not the answer's own text
        take(static_cast<std::size_t>(number), at, {next, width});
      }
    }
  }
}

/// The likeliest tokens at each place of each answer, without the answer's own token there.
std::vector<Fork> find_forks(const Session& session, const std::vector<Row>& rows, std::int64_t candidates) {
  std::vector<Fork> forks;
  look_through<std::int64_t>(
      session, rows,
      [&](const at::Tensor& logits) { return std::get<1>(logits.topk(std::min(candidates + 1, logits.size(1)))); },
      [&](std::size_t number, std::size_t at, std::span<const std::int64_t> best) {
        const auto own = rows[number].ids[rows[number].prompt_tokens + at];
        std::int64_t taken = 0;
        for (std::size_t rank = 0; rank < best.size() && taken < candidates; ++rank) {
          if (best[rank] == own) continue;
          forks.push_back({.row = number, .at = at, .token = best[rank]});
          ++taken;
        }
      });
  return forks;
}

/// Of every place of each answer's own text.
std::vector<std::vector<PlacedEntropy>> find_entropies(const Session& session, const std::vector<Row>& rows) {
  std::vector<std::vector<PlacedEntropy>> entropies(rows.size());
  look_through<float>(
      session, rows,
      [](const at::Tensor& logits) {
        const auto logp = logits.to(at::kFloat).log_softmax(1);
        return -(logp.exp() * logp).sum(1, /*keepdim=*/true);
      },
      [&](std::size_t number, std::size_t at, std::span<const float> entropy) {
        entropies[number].push_back({.at = at, .entropy = entropy.front()});
      });
  return entropies;
}

/// Continues every fork greedily to its end; gives the whole answers.
std::vector<Answer> finish_forks(Session& session, const std::vector<Row>& rows, const std::vector<Record>& records,
                                 const std::vector<Fork>& forks, int max_new_tokens) {
  const auto ends = end_tokens(session);
  std::vector<Answer> answers(forks.size());
  std::vector<TokenPrompt> prompts;
  std::vector<std::size_t> open;
  const DecodeBehind decode_behind(*session.tokenizer);
  for (std::size_t number = 0; number < forks.size(); ++number) {
    const auto& fork = forks[number];
    const auto& row = rows[fork.row];
    const auto length = row.prompt_tokens + fork.at;
    TokenPrompt prompt;
    prompt.tokens.assign(row.ids.begin(), row.ids.begin() + static_cast<std::ptrdiff_t>(length));
    prompt.tokens.push_back(fork.token);
    const std::vector<std::int64_t> head(prompt.tokens.begin() + static_cast<std::ptrdiff_t>(row.prompt_tokens),
                                         prompt.tokens.end());
    auto& answer = answers[number];
    answer.text = decode_behind(head, /*skip_special_tokens=*/true);
    const auto room = std::min(max_new_tokens, session.model->max_length() - static_cast<int>(prompt.tokens.size()));
    answer.finished = std::find(ends.begin(), ends.end(), fork.token) != ends.end();
    if (answer.finished || room <= 0) continue;
    prompt.pictures = row.pictures;
    prompt.asked.max_new_tokens = room;
    prompt.asked.until = stops_of(*session.job, records[fork.row], std::nullopt);
    prompt.asked.keep_first_space = true;
    prompts.push_back(std::move(prompt));
    open.push_back(number);
  }
  const auto written = go_on_from(session, prompts);
  for (std::size_t at = 0; at < open.size(); ++at) {
    auto& answer = answers[open[at]];
    answer.text += written[at].front().text;
    answer.finished = written[at].front().finished;
  }
  for (std::size_t number = 0; number < forks.size(); ++number) {
    answers[number].text = answer_text(session, records[forks[number].row], answers[number].text);
  }
  return answers;
}

/// The places where the answers continued from other tokens are wrong. Notes in the answers what became of each.
Places find_critical(const MarkOptions& options, Session& session, const std::vector<Row>& rows,
                     std::vector<Record>& records) {
  const auto forks = find_forks(session, rows, options.candidates);
  const auto answers = finish_forks(session, rows, records, forks, options.max_new_tokens);
  std::vector<bool> right;
  std::vector<Json> notes(records.size(), Json::array());
  for (std::size_t number = 0; number < forks.size(); ++number) {
    const auto& fork = forks[number];
    right.push_back(worth_of(options.rule, {*session.job, records[fork.row], {&answers[number], 1}, 0}) >= 1.0);
    notes[fork.row].push_back({{"at", rows[fork.row].facts.pieces[fork.at].first},
                               {"token", fork.token},
                               {"answer", to_utf8(answers[number].text)},
                               {"right", static_cast<bool>(right.back())}});
  }
  for (std::size_t row = 0; row < records.size(); ++row) {
    records[row].answers.front().note = Json{{"alternatives", notes[row]}}.dump();
  }
  session.values["answers_written"] = static_cast<double>(forks.size());
  return critical_places(rows.size(), forks, right, options.all_wrong);
}

/// The places of an answer's own text.
std::vector<std::size_t> own_places(const Row& row) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < row.facts.pieces.size(); ++at) {
    if (row.facts.pieces[at].first != row.facts.pieces[at].last) places.push_back(at);
  }
  return places;
}

/// As many places of the same answer, drawn by the seed.
std::vector<std::size_t> drawn_places(const std::vector<std::size_t>& own, std::size_t count, const Record& record,
                                      std::uint64_t seed) {
  Draws draws(seed, "mark_critical." + record.id);
  std::vector<std::size_t> places;
  for (const auto at : sample_indices(own.size(), std::min(count, own.size()), draws)) places.push_back(own[at]);
  std::sort(places.begin(), places.end());
  return places;
}

/// Marks places of the first answers as spans of role "critical"; rows without any are left out.
void run_mark(const MarkOptions& options, Session& session) {
  auto& data = session.data.at(options.data);
  RowSettings settings;
  settings.max_length = session.model->max_length();
  settings.keep_pieces = true;
  const auto encoder = row_encoder(session);
  RowAudit audit;
  std::vector<Row> rows;
  std::vector<Record> records;
  for (auto& record : data) {
    if (auto row = encode_row(record, encoder, settings, audit)) {
      rows.push_back(std::move(*row));
      records.push_back(std::move(record));
    }
  }
  session.values.clear();
  const bool all = options.marked == Marked::all;
  const auto critical = all ? Places(rows.size()) : find_critical(options, session, rows, records);
  std::vector<std::vector<PlacedEntropy>> entropies;
  if (options.marked == Marked::entropy) entropies = find_entropies(session, rows);
  double tokens = 0.0;
  double marked = 0.0;
  for (std::size_t number = 0; number < rows.size(); ++number) {
    const auto own = own_places(rows[number]);
    auto places = all ? own : critical[number];
    if (options.marked == Marked::random) {
      places = drawn_places(own, places.size(), records[number], session.job->seed);
    } else if (options.marked == Marked::entropy) {
      places = uncertain_places(std::move(entropies[number]), places.size());
    }
    for (const auto at : places) {
      const auto& piece = rows[number].facts.pieces[at];
      records[number].answers.front().spans.push_back(
          {.first = static_cast<int>(piece.first), .last = static_cast<int>(piece.last), .role = "critical"});
    }
    tokens += static_cast<double>(own.size());
    marked += static_cast<double>(places.size());
  }
  session.values["tokens"] = tokens;
  session.values["critical_tokens"] = marked;
  const auto before = data.size();
  data = std::move(records);
  const auto has_spans = [](const Record& record) { return !record.answers.front().spans.empty(); };
  keep_if(session, options.data, has_spans, "rows_dropped", "no token of any answer was found critical");
  session.values["rows_dropped"] = static_cast<double>(before - data.size());
}

Stage make_mark(Options& options, const TrainerBook& book) {
  MarkOptions mark;
  mark.data = read_on(options, "name of a data set of right answers");
  mark.rule = read_rule(options, book);
  mark.candidates = options.integer("candidates", "k: likeliest other tokens that are tried at each place",
                                    {.fallback = 2, .min = 1, .max = 64});
  mark.all_wrong = options.text("critical", "a token is critical when all candidates, or any, lead to a wrong answer",
                                {.fallback = "all_wrong", .choices = {"all_wrong", "any_wrong"}}) == "all_wrong";
  const auto marked = options.text(
      "mark",
      "critical: the paper's; for comparison, random: as many tokens of each answer, drawn; entropy: as many at which "
      "the model is least certain; all: every token",
      {.fallback = "critical", .choices = {"critical", "random", "entropy", "all"}});
  if (marked == "random") mark.marked = Marked::random;
  if (marked == "entropy") mark.marked = Marked::entropy;
  if (marked == "all") mark.marked = Marked::all;
  mark.max_new_tokens = static_cast<int>(options.integer("max_new_tokens", "tokens written after each candidate",
                                                         {.fallback = 256, .min = 1, .max = 1 << 20}));
  Stage stage;
  stage.needs.push_back(needs_data(mark.data));
  stage.making = {.data = mark.data, .by = ""};
  stage.run = [mark](Session& session) { run_mark(mark, session); };
  return stage;
}

}  // namespace

namespace plugins {
void mark_critical(TrainerBook& book) {
  book.stages.add(
      "mark_critical",
      {.summary = "finds the tokens of right answers whose replacement leads to a wrong answer", .make = make_mark});
}
}  // namespace plugins
}  // namespace touchstone
