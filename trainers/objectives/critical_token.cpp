#include <algorithm>
#include <map>

#include "harness/base/draws.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/losses/loss.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

constexpr std::uint8_t critical_mark = 1;

/// l_t = -m_t log p_t, where m_t is one on the tokens that were found critical and zero elsewhere; divided by the
/// critical tokens. The others stay in the context. Source: "Enhancing Large Language Model Reasoning via Selective
/// Critical Token Fine-Tuning", arXiv 2510.10974, section 3; the normaliser and the terminator's part are inferred.
LossSum critical_likelihood(const TokenBatch& batch, bool keep_end) {
  const auto logp = label_logp(batch.logits, batch.labels);
  const auto bits = static_cast<std::uint8_t>(keep_end ? critical_mark | end_mark : critical_mark);
  const auto kept = has_mark(batch.marks, bits);
  LossSum loss;
  loss.sum = weighted_sum(at::where(kept, -logp, 0.0), batch.weights);
  loss.count = logged_sum(kept);
  loss.logged = {{"nll", -logged_sum(logp)}, {"critical", loss.count}};
  return loss;
}

/// What is marked: the critical tokens, as many others of the same answer drawn at random, or every token. The last two
/// are what the first is compared with: they tell apart which tokens are trained and how many.
enum class Marked : std::uint8_t { critical, random, all };

struct MarkOptions {
  std::string data;
  Marked marked = Marked::critical;
  Reward rule;
  std::int64_t candidates = 2;
  bool all_wrong = true;
  int max_new_tokens = 256;
};

/// What the model would have written had it taken another token at one place of an answer.
struct Fork {
  std::size_t row = 0;
  std::size_t at = 0;  ///< the token's place in the answer
  std::int64_t token = 0;
};

/// The likeliest tokens at each place of each answer, without the one that stands there.
std::vector<Fork> find_forks(const Session& session, const std::vector<Row>& rows, std::int64_t candidates) {
  const at::NoGradGuard no_grad;
  auto& model = *session.model;
  std::vector<Fork> forks;
  for (std::size_t number = 0; number < rows.size(); ++number) {
    const auto batch =
        make_batch(rows, {number}, Normaliser::token_mean, model.head().weight.device(), session.reader());
    Want want;
    want.logits_at = batch.at;
    const auto logits = model.forward(inputs_of(model, batch), want).logits;
    const auto best = std::get<1>(logits.topk(std::min(candidates + 1, logits.size(1)))).to(at::kCPU);
    const auto& pieces = rows[number].facts.pieces;
    const auto skipped = static_cast<std::int64_t>(pieces.size()) - best.size(0);  // a first token without a prompt
    for (std::int64_t place = 0; place < best.size(0); ++place) {
      const auto at = static_cast<std::size_t>(place + skipped);
      if (pieces[at].first == pieces[at].last) continue;  // not the answer's own text
      const auto own = rows[number].ids[rows[number].prompt_tokens + at];
      std::int64_t taken = 0;
      for (std::int64_t rank = 0; rank < best.size(1) && taken < candidates; ++rank) {
        const auto token = best[place][rank].item<std::int64_t>();
        if (token == own) continue;
        forks.push_back({.row = number, .at = at, .token = token});
        ++taken;
      }
    }
  }
  return forks;
}

/// Writes every fork to its end, greedily, and gives the whole answers' texts.
std::vector<std::string> finish_forks(Session& session, const std::vector<Row>& rows, const std::vector<Fork>& forks,
                                      int max_new_tokens) {
  const auto ends = end_tokens(session);
  std::vector<std::string> texts(forks.size());
  std::vector<TokenPrompt> prompts;
  std::vector<std::size_t> open;
  for (std::size_t number = 0; number < forks.size(); ++number) {
    const auto& fork = forks[number];
    const auto& row = rows[fork.row];
    const auto length = row.prompt_tokens + fork.at;
    TokenPrompt prompt;
    prompt.tokens.assign(row.ids.begin(), row.ids.begin() + static_cast<std::ptrdiff_t>(length));
    prompt.tokens.push_back(fork.token);
    const std::span head(prompt.tokens);
    texts[number] = session.tokenizer->decode(head.subspan(row.prompt_tokens), /*skip_special_tokens=*/true);
    const auto room = std::min(max_new_tokens, session.model->max_length() - static_cast<int>(head.size()));
    if (std::find(ends.begin(), ends.end(), fork.token) != ends.end() || room <= 0) continue;
    prompt.pictures = row.pictures;
    prompt.asked.max_new_tokens = room;
    prompts.push_back(std::move(prompt));
    open.push_back(number);
  }
  const auto written = go_on_from(session, prompts);
  for (std::size_t at = 0; at < open.size(); ++at) texts[open[at]] += written[at].front().text;
  return texts;
}

/// Places of answers, by row.
using Places = std::vector<std::vector<std::size_t>>;

/// A token of a right answer is critical when the answers that would have followed the next likeliest ones are wrong:
/// all of them, or any. The answers are noted what became of each.
Places critical_places(const MarkOptions& options, Session& session, const std::vector<Row>& rows,
                       std::vector<Record>& records) {
  const auto forks = find_forks(session, rows, options.candidates);
  const auto texts = finish_forks(session, rows, forks, options.max_new_tokens);
  std::map<std::pair<std::size_t, std::size_t>, std::pair<int, int>> verdicts;  // (row, place): right, wrong
  std::vector<Json> notes(records.size(), Json::array());
  for (std::size_t number = 0; number < forks.size(); ++number) {
    const auto& fork = forks[number];
    const bool right = options.rule(*session.job, records[fork.row], texts[number]) >= 1.0;
    auto& found = verdicts[{fork.row, fork.at}];
    ++(right ? found.first : found.second);
    notes[fork.row].push_back({{"at", rows[fork.row].facts.pieces[fork.at].first},
                               {"token", fork.token},
                               {"answer", to_utf8(texts[number])},
                               {"right", right}});
  }
  for (std::size_t row = 0; row < records.size(); ++row) {
    records[row].answers.front().note = Json{{"alternatives", notes[row]}}.dump();
  }
  Places places(rows.size());
  for (const auto& [place, found] : verdicts) {
    const auto [right, wrong] = found;
    if (options.all_wrong ? right == 0 : wrong > 0) places[place.first].push_back(place.second);
  }
  session.values["answers_written"] = static_cast<double>(forks.size());
  return places;
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
  const auto critical = all ? Places(rows.size()) : critical_places(options, session, rows, records);
  double tokens = 0.0;
  double marked = 0.0;
  for (std::size_t number = 0; number < rows.size(); ++number) {
    const auto own = own_places(rows[number]);
    auto places = all ? own : critical[number];
    if (options.marked == Marked::random) {
      places = drawn_places(own, places.size(), records[number], session.job->seed);
    }
    for (const auto at : places) {
      const auto& piece = rows[number].facts.pieces[at];
      records[number].answers.front().spans.push_back(
          {.first = static_cast<int>(piece.first), .last = static_cast<int>(piece.last), .role = "critical"});
    }
    tokens += static_cast<double>(own.size());
    marked += static_cast<double>(places.size());
  }
  std::erase_if(records, [](const Record& record) { return record.answers.front().spans.empty(); });
  session.values["rows"] = static_cast<double>(records.size());
  session.values["rows_dropped"] = static_cast<double>(data.size() - records.size());
  session.values["tokens"] = tokens;
  session.values["critical_tokens"] = marked;
  data = std::move(records);
  require(!data.empty(), Fault::data,
          [&] { return "data set '" + options.data + "': no token of any answer was found critical"; });
}

Stage make_mark(Options& options, const TrainerBook& book) {
  MarkOptions mark;
  mark.data = options.text("on", "name of a data set of right answers", {.fallback = "data", .choices = {}});
  mark.rule = read_rule(options, book);
  mark.candidates = options.integer("candidates", "k: next likeliest tokens that are tried at each place",
                                    {.fallback = 2, .min = 1, .max = 64});
  mark.all_wrong = options.text("critical", "a token is, when all of the others, or any, lead to a wrong answer",
                                {.fallback = "all_wrong", .choices = {"all_wrong", "any_wrong"}}) == "all_wrong";
  const auto marked = options.text(
      "mark", "critical: the paper's; to compare with: random: as many others of each answer; all: every token",
      {.fallback = "critical", .choices = {"critical", "random", "all"}});
  if (marked != "critical") mark.marked = marked == "random" ? Marked::random : Marked::all;
  mark.max_new_tokens = static_cast<int>(options.integer("max_new_tokens", "tokens that are written behind each",
                                                         {.fallback = 256, .min = 1, .max = 1 << 20}));
  Stage stage;
  stage.needs.push_back("data set '" + mark.data + "'");
  stage.making = {.data = mark.data, .by = ""};
  stage.run = [mark](Session& session) { run_mark(mark, session); };
  return stage;
}

}  // namespace

namespace plugins {
void critical_token(TrainerBook& book) {
  book.objectives.add(
      "critical_token",
      {.summary = "likelihood of the tokens that the answer hangs on alone (arXiv 2510.10974)",
       .make = [](Options& options, const TrainerBook&) {
         TokenObjective objective;
         objective.roles = {options.text("role", "what the spans of critical tokens are called",
                                         {.fallback = "critical", .choices = {}})};
         const bool keep_end = options.flag("keep_end", "the terminator behind the answer is critical too", true);
         objective.loss = [keep_end](const TokenBatch& batch) { return critical_likelihood(batch, keep_end); };
         return objective;
       }});
  book.stages.add(
      "mark_critical",
      {.summary = "finds the tokens of right answers in whose place others lead to wrong ones", .make = make_mark});
}
}  // namespace plugins
}  // namespace touchstone
