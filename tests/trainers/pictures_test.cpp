// Training on rows with pictures: losses and gradients of the tiny Idefics3 checkpoint.
#include <gmock/gmock.h>

#include <numeric>
#include <sstream>

#include "harness/data/prompt.hpp"
#include "harness/engine/open_engine.hpp"
#include "tests/trainers/seeing.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/loops/adamw.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

using testing::picture;
using testing::record;

class Pictures : public ::testing::TestWithParam<bool>, public testing::SeeingModels {};

/// Log-probability of a row's labels as the training loop computes it.
double trained_logp(const Session& session, const std::vector<Row>& all, std::size_t row) {
  const Objective objective = TokenLoss{.loss = [](const TokenBatch& tokens) {
    LossSum sum;
    sum.sum = label_logp(tokens.logits, tokens.labels).sum();
    sum.count = static_cast<double>(tokens.labels.size(0));
    return sum;
  }};
  const auto batch = make_batch(all, {row}, Normaliser::token_mean, at::kCPU, session.reader());
  return accumulate_loss({session.model.get(), nullptr, &objective}, batch).sum;
}

const RowSettings without_end{.max_length = 512, .append_eos = false};

TEST_P(Pictures, ARowsLogProbabilitiesAreThoseOfTransformersAndOfTheScorer) {
  const bool split = GetParam();
  for (const bool plain : {true, false}) {
    const auto made = session(split, plain);
    std::vector<Record> records;
    std::vector<Request> requests;
    std::vector<double> wanted;
    for (const auto& one : read_json(testing::vision_fixture / "expected.json")) {
      if (one["split"].get<bool>() != split) continue;
      std::vector<Image> images;
      for (const auto& size : one["pictures"]) images.push_back(picture(size[0], size[1], size[2]));
      const auto context = one["context"].get<std::string>();
      records.push_back(record(context, images, " blue picture"));
      ASSERT_EQ(plain_text(records.back().prompt), context);
      requests.emplace_back(
          Likelihood{.context = context, .continuation = " blue picture", .media = {images.begin(), images.end()}});
      wanted.push_back(one["logp"].get<double>());
    }
    ASSERT_EQ(wanted.size(), 4U);
    std::ostringstream nowhere;
    Log log(nowhere, true);
    EngineSettings settings;
    settings.model = folder(split);
    const auto scored = open_engine(settings, testing::checkpoints(), log)->answer(requests);
    const auto all = rows(made, records, without_end);
    ASSERT_EQ(all.size(), wanted.size());
    for (std::size_t row = 0; row < all.size(); ++row) {
      EXPECT_NEAR(trained_logp(made, all, row), wanted[row], 1e-4) << records[row].id << plain;
      EXPECT_NEAR(trained_logp(made, all, row), scored[row].logp_nats, 1e-4) << records[row].id << plain;
      EXPECT_EQ(static_cast<int>(all[row].prompt_tokens), scored[row].prompt_tokens);
    }
  }
}

// What is cut from a prompt's start takes the first soft rows with it, as evaluation with a shorter model does.
TEST_P(Pictures, AShortenedRowKeepsTheLastSoftRows) {
  const bool split = GetParam();
  const auto made = session(split);
  const std::vector<Image> images = {picture(50, 30, 3), picture(20, 20, 1)};
  const std::string context = "a <image> b <image> what is the red ?";
  const std::vector<Record> records = {record(context, images, " blue picture")};
  const auto whole = rows(made, records, without_end);
  std::ostringstream nowhere;
  Log log(nowhere, true);
  for (const int cut : {1, 5, 7, static_cast<int>(whole[0].prompt_tokens) - 8}) {
    EngineSettings settings;
    settings.model = folder(split);
    settings.max_length = static_cast<int>(whole[0].ids.size()) - cut;
    const std::vector<Request> requests = {
        Likelihood{.context = context, .continuation = " blue picture", .media = {images.begin(), images.end()}}};
    const auto scored = open_engine(settings, testing::checkpoints(), log)->answer(requests);
    // The scorer's last token is only predicted, so it keeps one more than the model's length.
    const auto cut_row =
        rows(made, records, {.max_length = settings.max_length + 1, .keep_end = true, .append_eos = false});
    ASSERT_EQ(scored[0].truncated_tokens, cut - 1);
    EXPECT_EQ(cut_row[0].soft_cut + cut_row[0].soft_at.size(), whole[0].soft_at.size());
    EXPECT_NEAR(trained_logp(made, cut_row, 0), scored[0].logp_nats, 1e-4) << cut;
  }
}

/// Prompts with none, one and two pictures.
std::vector<Record> mixed_records() {
  return {record("what is in <image> ?", {picture(50, 30, 0)}, " blue picture"),
          record("what is the red ?", {}, " a b"),
          record("<image> <image> what is the red ?", {picture(30, 50, 0), picture(32, 32, 5)}, " picture"),
          record("a b <image>", {picture(20, 20, 1)}, " red red b"), record("b", {}, " what ?")};
}

std::map<std::string, Tensor> gradients(const Session& session, const std::vector<Row>& all,
                                        const std::vector<std::vector<std::size_t>>& groups) {
  const auto objective = make_use(Options(parse_json(R"({"use": "sft"})", "test"), "test"),
                                  testing::trainer_book().objectives, testing::trainer_book());
  for (const auto& group : groups) {
    const auto batch = make_batch(all, group, Normaliser::token_mean, at::kCPU, session.reader());
    accumulate_loss({session.model.get(), nullptr, &objective}, batch);
  }
  std::map<std::string, Tensor> found;
  for (auto& [name, tensor] : trainable_parameters(*session.model)) {
    found[name] = tensor->grad().clone();
    tensor->mutable_grad().reset();
  }
  return found;
}

TEST_P(Pictures, PackedRowsGiveTheGradientsOfSingleOnes) {
  for (const bool plain : {true, false}) {
    const auto made = session(GetParam(), plain);
    const auto records = mixed_records();
    const auto all = rows(made, records, {.max_length = 512});
    const auto wanted = gradients(made, all, {{0}, {1}, {2}, {3}, {4}});
    for (const auto& groups : {std::vector<std::vector<std::size_t>>{{4, 2, 0, 3, 1}}, {{1, 3}, {0, 4, 2}}}) {
      const auto found = gradients(made, all, groups);
      for (const auto& [name, gradient] : wanted) {
        const auto largest = gradient.abs().max().item<double>();
        const bool unseen = name.ends_with("k_proj.bias");  // a softmax does not see these
        EXPECT_TRUE(unseen || largest > 1e-3) << name;
        EXPECT_LE((found.at(name) - gradient).abs().max().item<double>(), 1e-5 * largest + 2e-6) << name << plain;
      }
    }
  }
}

// Answers to one prompt look at its pictures once, and learn what they would learn each beside its own copy.
TEST_P(Pictures, AnswersShareThePromptsPictures) {
  for (const bool plain : {true, false}) {
    const auto made = session(GetParam(), plain);
    auto together = mixed_records();
    std::vector<Record> apart;
    for (auto& each : together) {
      for (const char* text : {" red ?", " what is a b", " blue"}) {
        each.answers.emplace_back();
        each.answers.back().text = text;
      }
      for (const auto& answer : each.answers) {
        apart.push_back(each);
        apart.back().answers = {answer};
      }
    }
    const auto shared = rows(made, together, {.max_length = 512, .answers = 2});
    const auto single = rows(made, apart, {.max_length = 512});
    std::vector<std::size_t> all(single.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const auto batch = make_batch(shared, {0, 1, 2, 3, 4}, Normaliser::token_mean, at::kCPU, made.reader());
    const auto copies = make_batch(single, all, Normaliser::token_mean, at::kCPU, made.reader());
    EXPECT_EQ(batch.tiles.size(0) * 4, copies.tiles.size(0));
    EXPECT_TRUE(token_logp(*made.model, batch).allclose(token_logp(*made.model, copies), 0.0, 1e-4)) << plain;
    const auto wanted = gradients(made, single, {all});
    const auto found = gradients(made, shared, {{0, 1, 2, 3, 4}});
    for (const auto& [name, gradient] : wanted) {
      const auto largest = gradient.abs().max().item<double>();
      EXPECT_LE((found.at(name) - gradient).abs().max().item<double>(), 1e-5 * largest + 1e-5) << name << plain;
    }
  }
}

TEST_P(Pictures, GradientsAreThoseOfFiniteDifferences) {
  for (const bool plain : {true, false}) {
    const auto made = session(GetParam(), plain);
    const auto records = mixed_records();
    const auto all = rows(made, records, {.max_length = 512});
    const auto found = gradients(made, all, {{0, 1, 2, 3, 4}});
    const auto objective = make_use(Options(parse_json(R"({"use": "sft"})", "test"), "test"),
                                    testing::trainer_book().objectives, testing::trainer_book());
    const auto loss = [&] {
      const at::NoGradGuard no_gradients;
      const auto batch = make_batch(all, {0, 1, 2, 3, 4}, Normaliser::token_mean, at::kCPU, made.reader());
      return accumulate_loss({made.model.get(), nullptr, &objective}, batch).sum;
    };
    int checked = 0;
    for (auto& [name, tensor] : trainable_parameters(*made.model)) {
      if (name.ends_with("k_proj.bias")) continue;
      const auto& gradient = found.at(name);
      // The entry with the largest gradient, and one in the middle.
      for (const auto at : {gradient.abs().argmax().item<std::int64_t>(), gradient.numel() / 2}) {
        const at::NoGradGuard no_gradients;
        auto entry = tensor->detach().view({-1})[at];
        const auto was = entry.item<float>();
        constexpr float step = 4e-3F;
        entry.fill_(was + step);
        const auto above = loss();
        entry.fill_(was - step);
        const auto below = loss();
        entry.fill_(was);
        const auto expected = (above - below) / (2.0 * step);
        EXPECT_NEAR(gradient.view({-1})[at].item<double>(), expected, 2e-2 * std::abs(expected) + 6e-3)
            << name << plain;
        ++checked;
      }
    }
    EXPECT_GT(checked, 60);
  }
}

INSTANTIATE_TEST_SUITE_P(Splitting, Pictures, ::testing::Values(false, true),
                         [](const auto& one) { return std::string(one.param ? "split" : "whole"); });

}  // namespace
}  // namespace touchstone
