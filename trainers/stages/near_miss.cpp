#include <limits>
#include <optional>
#include <sstream>

#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/rows.hpp"
#include "trainers/text/diff.hpp"

namespace touchstone {
namespace {

/// Comparing two texts takes as many steps as the product of their lengths: longer texts are not compared.
constexpr std::size_t longest_compared = 4096;

struct NearMissOptions {
  std::string data;
  double min_similarity = 0.6;
  double max_diff = 0.5;
  bool keep = true;
};

/// Counts why answers were not taken.
struct MissCounts {
  double candidates = 0.0;
  double too_long = 0.0;
  double same = 0.0;
  double unlike = 0.0;
  double too_different = 0.0;
  double similarity = 0.0;
  double diff = 0.0;
};

/// The words of a text, one space between them.
std::string words_of(const std::string& text) {
  std::istringstream words(text);
  std::string all;
  for (std::string word; words >> word;) all += (all.empty() ? "" : " ") + word;
  return all;
}

void add_spans(Answer& answer, const std::vector<ByteRange>& ranges, const char* role) {
  for (const auto& range : ranges) {
    answer.spans.push_back(
        {.first = static_cast<int>(range.first), .last = static_cast<int>(range.last), .role = role});
  }
}

/// Share of an answer's own tokens that are marked as holding changed characters.
double changed_share(const TokenFacts& facts, std::uint8_t mark) {
  double own = 0.0;
  double changed = 0.0;
  for (const auto bits : facts.marks) {
    if ((bits & end_mark) != 0) continue;
    ++own;
    if ((bits & mark) != 0) ++changed;
  }
  return own > 0.0 ? changed / own : 0.0;
}

/// A right answer and a variant, with the spans where they differ, and how alike they are.
struct NearMiss {
  Answer right;
  Answer wrong;
  double similarity = 0.0;
  double diff = 0.0;
};

/// None when the two are not close enough.
std::optional<NearMiss> compare(const Record& record, const Answer& wrong, const RowEncoder& encoder,
                                const NearMissOptions& options, MissCounts& counts) {
  const auto& right = record.answers.front();
  if (std::max(right.text.size(), wrong.text.size()) > longest_compared) {
    ++counts.too_long;
    return std::nullopt;
  }
  if (words_of(right.text) == words_of(wrong.text)) {
    ++counts.same;
    return std::nullopt;
  }
  NearMiss miss{.right = right, .wrong = wrong, .similarity = text_similarity(right.text, wrong.text)};
  if (miss.similarity < options.min_similarity) {
    ++counts.unlike;
    return std::nullopt;
  }
  const auto diff = diff_texts(right.text, wrong.text);
  add_spans(miss.right, diff.a_lines, "fault_line");
  add_spans(miss.right, diff.a_characters, "fault");
  add_spans(miss.wrong, diff.b_lines, "fault_line");
  add_spans(miss.wrong, diff.b_characters, "fault");
  RowSettings settings;
  settings.max_length = std::numeric_limits<std::int64_t>::max();
  settings.append_eos = false;
  settings.answers = 2;
  settings.roles = {"fault"};
  auto pair = record;
  pair.answers = {miss.right, miss.wrong};
  for (auto& answer : pair.answers) answer.ref_logp_nats.clear();
  RowAudit audit;
  const auto row = encode_row(pair, encoder, settings, audit);
  if (row) miss.diff = std::max(changed_share(row->facts, 1), changed_share(row->others.front().facts, 1));
  if (!row || miss.diff > options.max_diff) {
    ++counts.too_different;
    return std::nullopt;
  }
  return miss;
}

/// The wrong answer most like the right one; among equals the first.
std::optional<NearMiss> nearest(const Record& record, bool judged, const RowEncoder& encoder,
                                const NearMissOptions& options, MissCounts& counts) {
  std::optional<NearMiss> best;
  for (std::size_t at = 1; at < record.answers.size(); ++at) {
    const auto& answer = record.answers[at];
    if (judged && answer.reward >= 1.0) continue;
    ++counts.candidates;
    auto found = compare(record, answer, encoder, options, counts);
    if (found && (!best || found->similarity > best->similarity)) best = std::move(found);
  }
  return best;
}

void run_near_miss(const NearMissOptions& options, Session& session) {
  const auto encoder = row_encoder(session);
  MissCounts counts;
  double missed = 0.0;
  double wrong = 0.0;
  const auto keep = [&](Record& record) {
    const bool judged = any_judged(record.answers);
    if (record.answers.empty() || (judged && record.answers.front().reward < 1.0)) {
      ++wrong;
      return false;
    }
    auto miss = nearest(record, judged, encoder, options, counts);
    if (!miss && !options.keep) return false;
    record.answers.resize(1);
    if (miss) {
      ++missed;
      counts.similarity += miss->similarity;
      counts.diff += miss->diff;
      record.answers = {std::move(miss->right), std::move(miss->wrong)};
      record.answers[1].reward = -1.0;
    }
    record.answers[0].reward = 1.0;
    return true;
  };
  auto& data = session.data.at(options.data);
  const auto before = data.size();
  std::erase_if(data, [&](Record& record) { return !keep(record); });
  session.values = {{"rows", static_cast<double>(data.size())},
                    {"rows_dropped", static_cast<double>(before - data.size())},
                    {"rows_wrong", wrong},
                    {"near_misses", missed},
                    {"candidates", counts.candidates},
                    {"candidates_same", counts.same},
                    {"candidates_unlike", counts.unlike},
                    {"candidates_too_different", counts.too_different},
                    {"candidates_too_long", counts.too_long}};
  if (missed > 0.0) {
    session.values["mean_similarity"] = counts.similarity / missed;
    session.values["mean_diff"] = counts.diff / missed;
  }
  // With "keep" all rows may be left although none has a near miss.
  require(missed > 0.0 || before == 0, Fault::data, [&] {
    return needs_data(options.data) + ": found no wrong answer near a right one (" +
           std::to_string(static_cast<std::int64_t>(counts.candidates)) +
           " candidates were compared), expected answers that the stages 'mutate' or 'sample' made and 'judge' judged";
  });
}

Stage make_near_miss(Options& options, const TrainerBook&) {
  NearMissOptions near;
  near.data = read_on(options, "name of a data set with right answers first and judged others behind them");
  near.min_similarity = options.number("min_similarity", "1 - edit distance / length of the longer answer, at least",
                                       {.fallback = 0.6, .min = 0.0, .max = 1.0});
  near.max_diff = options.number("max_diff_fraction", "share of either answer's tokens that differ, at most",
                                 {.fallback = 0.5, .min = 0.0, .max = 1.0});
  near.keep = options.text("without", "rows without a near miss: keep them as they are, or drop them",
                           {.fallback = "keep", .choices = {"keep", "drop"}}) == "keep";
  Stage stage;
  stage.needs.push_back(needs_data(near.data));
  stage.making = {.data = near.data};
  stage.run = [near](Session& session) { run_near_miss(near, session); };
  return stage;
}

}  // namespace

namespace plugins {
void near_miss(TrainerBook& book) {
  book.stages.add("near_miss", {.summary = "pairs a right answer with the most similar wrong one, differences marked",
                                .make = make_near_miss});
}
}  // namespace plugins
}  // namespace touchstone
