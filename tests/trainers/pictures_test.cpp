// Training on rows with pictures: on the tiny Idefics3 checkpoint that transformers wrote, whose answers are stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "harness/base/error.hpp"
#include "harness/data/picture.hpp"
#include "harness/data/prompt.hpp"
#include "harness/model/open_engine.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/parts/adamw.hpp"
#include "trainers/parts/lora.hpp"
#include "trainers/parts/loss.hpp"
#include "trainers/parts/pieces.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

const fs::path fixture = fs::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/vision_engine";

/// The formula of make_vision_engine.py.
Image picture(int width, int height, int shift) {
  Image image{.width_px = width, .height_px = height, .rgb = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.rgb.push_back(static_cast<std::uint8_t>((x * x * 3 + y * 5 + x * y * (c + 1) + c * 80 + shift) % 256));
      }
    }
  }
  return image;
}

/// A prompt whose placeholders are these pictures, and what follows it.
Record record(const std::string& prompt, std::vector<Image> images, const std::string& answer) {
  Record made{.id = prompt, .task = "test", .prompt = {Turn{}}, .answers = {Answer{}}};
  made.answers.front().text = answer;
  auto& parts = made.prompt.front().parts;
  const std::string mark = picture_placeholder;
  std::size_t from = 0;
  for (auto& image : images) {
    const auto at = prompt.find(mark, from);
    parts.emplace_back(prompt.substr(from, at - from));
    parts.emplace_back(std::move(image));
    from = at + mark.size();
  }
  parts.emplace_back(prompt.substr(from));
  return made;
}

class Pictures : public ::testing::TestWithParam<bool> {
 protected:
  /// A copy of the fixture, pictures split or not.
  fs::path folder(bool split) const {
    const auto made = folder_.path() / (split ? "split" : "whole");
    if (fs::exists(made)) return made;
    fs::copy(fixture, made);
    fs::permissions(made / "preprocessor_config.json", fs::perms::owner_write, fs::perm_options::add);
    auto rules = read_json(fixture / "preprocessor_config.json");
    rules["do_image_splitting"] = split;
    std::ofstream(made / "preprocessor_config.json") << rules.dump();
    return made;
  }

  /// A session on it; `plain`: LibTorch's own operators alone.
  Session session(bool split, bool plain = false) const {
    Session made;
    made.model = testing::checkpoints().load(folder(split), {.plain_operators = plain});
    made.tokenizer = load_tokenizer(folder(split));
    made.pictures = read_picture_reader(testing::checkpoints().family(folder(split)), folder(split), *made.tokenizer);
    for (auto& [name, tensor] : made.model->parameters()) tensor->requires_grad_(true);
    return made;
  }

  static std::vector<Row> rows(const Session& session, const std::vector<Record>& records, RowSettings settings) {
    RowAudit audit;
    return encode_rows(records, row_encoder(session), settings, audit);
  }

  /// Log-probability of a row's labels as the training loop computes it.
  static double trained_logp(const Session& session, const std::vector<Row>& all, std::size_t row) {
    TokenObjective objective;
    objective.loss = [](const TokenBatch& tokens) {
      LossSum sum;
      sum.sum = label_logp(tokens.logits, tokens.labels).sum();
      sum.count = static_cast<double>(tokens.labels.size(0));
      return sum;
    };
    const auto batch = make_batch(all, {row}, Normaliser::token_mean, at::kCPU, &*session.pictures);
    return accumulate_loss({session.model.get(), nullptr, &objective}, batch).sum;
  }

  testing::TemporaryFolder folder_;
};

const RowSettings without_end{.max_length = 512, .append_eos = false};

TEST_P(Pictures, ARowsLogProbabilitiesAreThoseOfTransformersAndOfTheScorer) {
  const bool split = GetParam();
  for (const bool plain : {true, false}) {
    const auto made = session(split, plain);
    std::vector<Record> records;
    std::vector<Request> requests;
    std::vector<double> wanted;
    for (const auto& one : read_json(fixture / "expected.json")) {
      if (one["split"].get<bool>() != split) continue;
      std::vector<Image> images;
      for (const auto& size : one["pictures"]) images.push_back(picture(size[0], size[1], size[2]));
      const auto context = one["context"].get<std::string>();
      records.push_back(record(context, images, " blue picture"));
      ASSERT_EQ(plain_text(records.back().prompt), context);
      requests.emplace_back(Likelihood{.context = context, .continuation = " blue picture", .images = images});
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
        Likelihood{.context = context, .continuation = " blue picture", .images = images}};
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
    const auto batch = make_batch(all, group, Normaliser::token_mean, at::kCPU, &*session.pictures);
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
      const auto batch = make_batch(all, {0, 1, 2, 3, 4}, Normaliser::token_mean, at::kCPU, &*made.pictures);
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

class PictureRows : public Pictures {
 protected:
  std::string fault(const Session& session, const Record& record) {
    try {
      rows(session, {record}, {.max_length = 512});
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::data);
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(PictureRows, WrongOnesAreNamed) {
  auto made = session(false);
  EXPECT_EQ(fault(made, record("what <image> ?", {picture(9, 9, 0)}, " a")), "accepted");
  auto twice = record("what <image> ?", {picture(9, 9, 0)}, " a");
  twice.prompt.front().parts.emplace_back(std::string(" <image>"));
  EXPECT_EQ(fault(made, twice),
            "a prompt has 1 pictures and says <image> 2 times, expected once a picture; in record 'what <image> ?'");
  EXPECT_EQ(fault(made, record("what <image> ?", {picture(9, 9, 0)}, " a <image>")),
            "has 5 <image> tokens, expected 4 for its pictures, all in the prompt; in record 'what <image> ?'");
  made.pictures.reset();
  EXPECT_THAT(fault(made, record("what <image> ?", {picture(9, 9, 0)}, " a")),
              ::testing::StartsWith("holds a picture, but the model takes none"));
}

TEST_F(PictureRows, ThePictureIsPartOfTheRowsHash) {
  const auto made = session(false);
  const std::vector<Record> one = {record("<image>", {picture(9, 9, 0)}, " a")};
  const std::vector<Record> other = {record("<image>", {picture(9, 9, 1)}, " a")};
  const auto hash = [&](const std::vector<Record>& records) {
    return rows_hash(rows(made, records, {.max_length = 64}));
  };
  EXPECT_EQ(hash(one), hash({record("<image>", {picture(9, 9, 0)}, " a")}));
  EXPECT_NE(hash(one), hash(other));
}

/// Two pictures of one colour each, told apart by a word.
const TaskBook& colours() {
  static const TaskBook filled = [] {
    Task task;
    task.name = "colours";
    task.version = "1";
    task.load = [](Split split, const DataFolders&) {
      std::vector<Example> all;
      for (int i = 0; i < 16; ++i) {
        Image image{.width_px = 32, .height_px = 32, .rgb = {}};
        for (int at = 0; at < 32 * 32; ++at) {
          const auto noise = static_cast<std::uint8_t>((at * (i + 3)) % 60);
          const std::uint8_t red = i % 2 == 0 ? 230 : 0;
          image.rgb.insert(image.rgb.end(), {static_cast<std::uint8_t>(red / 2 + noise), noise,
                                             static_cast<std::uint8_t>(115 - red / 2 + noise)});
        }
        Example example;
        example.id = "colours/" + std::string(split_name(split)) + "/" + std::to_string(i);
        example.question = "what is the picture ?";
        example.images = {std::move(image)};
        example.targets = {i % 2 == 0 ? "red" : "blue"};
        all.push_back(std::move(example));
      }
      return all;
    };
    TaskBook book;
    book.tasks.add("colours", std::move(task));
    return book;
  }();
  return filled;
}

// The loss of a model that does not see can not fall below ln 2 here.
TEST_F(PictureRows, TrainingLearnsToSeeAndResumesToTheSameBits) {
  TrainJob job;
  job.model = folder(false);
  job.train_on = "colours";
  job.tasks = &colours();
  job.data = &testing::no_data();
  job.device = "cpu";
  job.seed = 3;
  job.work = folder_.path() / "work";
  job.out = folder_.path() / "out";
  job.recipe = testing::write_recipe(
      folder_.path(),
      R"([{"use": "load", "task": "$train_on"}, {"use": "train", "objective": "sft", "append_eos": false,
                          "learning_rate": 0.01, "per_device_train_batch_size": 8, "max_steps": 24}])");
  std::vector<StepReport> steps;
  CancelFlag cancel;
  TrainHooks hooks;
  hooks.cancel = &cancel;
  hooks.step = [&](const StepReport& report) { steps.push_back(report); };
  const auto whole = train_job(job, hooks, testing::checkpoints(), testing::trainer_book());
  ASSERT_EQ(steps.size(), 24U);
  EXPECT_LT(steps.back().loss, 0.1);
  EXPECT_TRUE(fs::exists(job.out / "preprocessor_config.json"));
  job.out = folder_.path() / "again";
  hooks.step = [&](const StepReport& report) {
    if (report.step == 9) cancel.set();
  };
  EXPECT_THROW(train_job(job, hooks, testing::checkpoints(), testing::trainer_book()), Cancelled);
  hooks.step = nullptr;
  hooks.cancel = nullptr;
  const auto resumed = train_job(job, hooks, testing::checkpoints(), testing::trainer_book());
  EXPECT_EQ(resumed.resumed_from_step, 9);
  EXPECT_EQ(resumed.model_hash, whole.model_hash);
}

}  // namespace
}  // namespace touchstone
