#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/draws.hpp"
#include "harness/base/seed.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/losses/loss.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

struct ContrastOptions {
  std::string data;
  std::string embedder;
  double share = 0.75;
  std::int64_t negatives = 1;
  std::int64_t least = 0;
};

using Embedding = std::vector<float>;

/// Counts of a text's byte trigrams, hashed to 4096 places.
Embedding trigrams(const std::string& text) {
  Embedding counts(4096, 0.0F);
  const auto padded = "  " + text + "  ";
  for (std::size_t at = 0; at + 3 <= padded.size(); ++at) {
    counts[fnv1a(std::string_view(padded).substr(at, 3)) % counts.size()] += 1.0F;
  }
  return counts;
}

/// Mean of the model's last hidden states over each answer's tokens.
std::vector<Embedding> hidden_means(const Session& session, const Record& record) {
  const at::NoGradGuard no_grad;
  RowSettings settings;
  settings.max_length = session.model->max_length();
  const auto encoder = row_encoder(session);
  auto alone = record;
  std::vector<Embedding> all;
  for (const auto& answer : record.answers) {
    alone.answers = {answer};
    RowAudit audit;
    const auto row = encode_row(alone, encoder, settings, audit);
    if (!row) {  // longer than the model's context: no state is known
      all.emplace_back(static_cast<std::size_t>(session.model->hidden_size()), 0.0F);
      continue;
    }
    auto& model = *session.model;
    const auto batch = make_batch({*row}, {0}, Normaliser::token_mean, model.head().weight.device(), session.reader());
    Want want;
    want.logits = false;
    want.hidden = true;
    want.hidden_at = batch.at;
    const auto hidden = model.forward(inputs_of(model, batch), want).hidden;
    const auto mean = hidden.mean(0).to(at::kFloat).to(at::kCPU).contiguous();
    all.emplace_back(mean.const_data_ptr<float>(), mean.const_data_ptr<float>() + mean.size(0));
  }
  return all;
}

double cosine(const Embedding& a, const Embedding& b) {
  double product = 0.0;
  double length_a = 0.0;
  double length_b = 0.0;
  for (std::size_t at = 0; at < a.size(); ++at) {
    product += static_cast<double>(a[at]) * static_cast<double>(b[at]);
    length_a += static_cast<double>(a[at]) * static_cast<double>(a[at]);
    length_b += static_cast<double>(b[at]) * static_cast<double>(b[at]);
  }
  return length_a > 0.0 && length_b > 0.0 ? product / std::sqrt(length_a * length_b) : 0.0;
}

/// Which of the R answers after the first may serve as negatives: repeats and those equal to the first are left out,
/// the rest are sorted, least like the first first, and min(floor(share R), their number - 1) are kept. Source:
/// "Extensive Self-Contrast Enables Feedback-Free Language Model Alignment", arXiv 2404.00604, section 2.2, from the
/// authors' code (construct_synthetic_data.py, filter "lastdedup").
std::vector<std::size_t> least_alike(const Record& record, const std::vector<Embedding>& embeddings, double share) {
  const auto& answers = record.answers;
  std::set<std::string> seen = {answers.front().text};
  std::vector<std::pair<double, std::size_t>> unique;
  for (std::size_t at = 1; at < answers.size(); ++at) {
    if (seen.insert(answers[at].text).second) unique.emplace_back(cosine(embeddings[0], embeddings[at]), at);
  }
  std::sort(unique.begin(), unique.end());
  const auto wanted = static_cast<std::size_t>(share * static_cast<double>(answers.size() - 1) + 1e-9);
  const auto kept = unique.empty() ? 0 : std::min(wanted, unique.size() - 1);
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < kept; ++at) places.push_back(unique[at].second);
  return places;
}

/// Keeps of the record's answers the first one, reward 1, and drawn ones that are least like it, reward -1. False when
/// there are not enough. Adds their similarities to `similarity`.
bool contrast_with(Record& record, const ContrastOptions& options, const Session& session, double& similarity) {
  if (record.answers.size() < 2) return false;
  std::vector<Embedding> embeddings;
  if (options.embedder == "model") {
    embeddings = hidden_means(session, record);
  } else {
    for (const auto& answer : record.answers) embeddings.push_back(trigrams(answer.text));
  }
  const auto places = least_alike(record, embeddings, options.share);
  if (static_cast<std::int64_t>(places.size()) < std::max(options.negatives, options.least)) return false;
  Draws draws(session.job->seed, "contrast." + record.id);
  std::vector<Answer> answers = {record.answers.front()};
  answers.front().reward = 1.0;
  for (const auto drawn : sample_indices(places.size(), static_cast<std::size_t>(options.negatives), draws)) {
    answers.push_back(record.answers[places[drawn]]);
    answers.back().reward = -1.0;
    similarity += cosine(embeddings[0], embeddings[places[drawn]]);
  }
  record.answers = std::move(answers);
  return true;
}

void run_contrast(const ContrastOptions& options, Session& session) {
  double similarity = 0.0;
  keep_if(
      session, options.data, [&](Record& record) { return contrast_with(record, options, session, similarity); },
      "rows_dropped",
      "no row has " + std::to_string(std::max(options.negatives, options.least)) +
          " different answers that are unlike its own");
  const auto pairs = session.values["rows"] * static_cast<double>(options.negatives);
  session.values["mean_similarity"] = pairs > 0.0 ? similarity / pairs : 0.0;
  const auto dropped = session.values["rows_dropped"];
  tell_unspent(session, options.data, session.values["rows"] + dropped, dropped,
               "have too few answers unlike their own");
}

Stage make_contrast(Options& options, const TrainerBook&) {
  ContrastOptions contrast;
  contrast.data = read_on(options, "name of a data set with answers of the model");
  contrast.embedder = options.text("embedder", "trigrams: counts of byte trigrams; model: mean last hidden state",
                                   {.fallback = "trigrams", .choices = {"trigrams", "model"}});
  contrast.share = options.number("share", "p: share of the written answers, least like the data's, to draw from",
                                  {.fallback = 0.75, .min = 0.0, .max = 1.0});
  contrast.negatives = options.integer("negatives", "k: negatives drawn for each row; rows with fewer are left out",
                                       {.fallback = 1, .min = 1, .max = 1024});
  contrast.least = options.integer(
      "least", "rows with fewer answers to draw from are left out, so that arms with other k keep the same rows; 0: k",
      {.fallback = 0, .min = 0, .max = 1024});
  Stage stage;
  stage.needs.push_back(needs_data(contrast.data));
  stage.making = {.data = contrast.data};
  if (contrast.embedder == "model") stage.making->by = "";
  stage.run = [contrast](Session& session) { run_contrast(contrast, session); };
  return stage;
}

}  // namespace

namespace plugins {
void contrast(TrainerBook& book) {
  book.stages.add("contrast", {.summary = "prefers the data's answers to the model's answers that are least like them",
                               .make = make_contrast});
}
}  // namespace plugins
}  // namespace touchstone
