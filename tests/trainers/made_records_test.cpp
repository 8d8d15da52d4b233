// What stages make is kept with its origin, and a job that goes on takes it from there.
#include "harness/train/made_records.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "harness/base/files.hpp"
#include "harness/base/gzip.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/data/made_file.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

class MadeRecords : public ::testing::Test {
 protected:
  /// Answers of the model, judged and paired, then trained on; `stop` ends the job behind that stage.
  std::string run(int stop = -1) {
    auto job = testing::tiny_job(folder_.path());
    job.seed = seed_;
    job.code_version = version_;
    job.recipe = testing::write_recipe(folder_.path(),
                                       R"([{"use": "load", "task": "sums"},
        {"use": "sample", "answers": 3, "max_new_tokens": 6, "temperature": 0.9}, {"use": "judge"}, {"use": "pair"},
        {"use": "reference"}, {"use": "train", "per_device_train_batch_size": 4, "max_steps": 3, "learning_rate": )" +
                                           rate_ + R"(, "objective": "dpo"}])");
    std::ostringstream said;
    Log log(said);
    CancelFlag cancel;
    TrainHooks hooks;
    hooks.log = &log;
    hooks.cancel = &cancel;
    stages_.clear();
    hooks.stage = [&](const StageReport& report) {
      stages_.push_back(report);
      if (report.stage == stop) cancel.set();
    };
    std::string hash;
    try {
      const auto result = train_job(job, hooks, testing::checkpoints(), testing::trainer_book());
      hash = result.model_hash;
      files_ = result.records;
    } catch (const Cancelled&) {
      hash = "stopped";
    }
    said_ = said.str();
    return hash;
  }
  fs::path file(const std::string& name) const { return folder_.path() / "out.records" / name; }
  bool said(const std::string& words) const { return said_.find(words) != std::string::npos; }
  /// As often as stages took their records from a file.
  int taken() const {
    int count = 0;
    for (const auto& line : split(said_, '\n')) count += line.find("are taken from") != std::string::npos ? 1 : 0;
    return count;
  }

  testing::TemporaryFolder folder_;
  std::uint64_t seed_ = 5;
  std::string rate_ = "0.003";
  std::string said_;
  std::string version_ = "1";
  std::vector<StageReport> stages_;
  std::vector<RecordFile> files_;
};

TEST_F(MadeRecords, CarryTheirOrigin) {
  run();
  std::vector<std::string> names;
  for (const auto& one : files_) names.push_back(one.file);
  EXPECT_EQ(join(names, " "), "1-sample.jsonl.gz 2-judge.jsonl.gz 3-pair.jsonl.gz 4-reference.jsonl.gz");
  for (const auto& one : files_) EXPECT_EQ(one.sha256, sha256(read_text_file(file(one.file))));
  EXPECT_EQ(files_[0].rows, 24);
  EXPECT_GT(files_[0].written, 24);
  EXPECT_EQ(files_[1].written, 0);
  const auto lines = split(read_text_file(file("3-pair.jsonl.gz")), '\n');
  const auto line = parse_json(lines[1], "line");
  EXPECT_EQ(line["answers"][0]["origin"], "data");
  const auto& origin = line["answers"][1]["origin"];
  EXPECT_EQ(origin["stage"], 1);
  EXPECT_EQ(origin["name"], "sample");
  EXPECT_EQ(origin["seed"], 5);
  EXPECT_EQ(origin["temperature"], 0.9);
  EXPECT_EQ(origin["model"].get<std::string>().size(), 64U);
  EXPECT_EQ(line["answers"][1]["reward"], -1.0);
  EXPECT_EQ(line["parent"].get<std::string>().rfind("sums/train/", 0), 0U);
}

TEST_F(MadeRecords, AreNotMadeAgain) {
  const auto whole = run();
  EXPECT_EQ(taken(), 0);
  const auto values = stages_[1].values;
  const auto files = files_;
  fs::remove_all(folder_.path() / "out.records");
  for (int stop = 1; stop < 5; ++stop) {
    EXPECT_EQ(run(stop), "stopped");
    EXPECT_EQ(taken(), stop - 1) << said_;  // those of the stages that earlier rounds came to
  }
  EXPECT_EQ(run(), whole);
  EXPECT_EQ(taken(), 4);
  EXPECT_EQ(stages_[1].values, values);
  ASSERT_EQ(files_.size(), files.size());
  for (std::size_t at = 0; at < files.size(); ++at) EXPECT_EQ(files_[at].sha256, files[at].sha256);
}

TEST_F(MadeRecords, AreReadAndNotWrittenByTheModelWhenTheyAreThere) {
  const auto whole = run();
  // The same file with other answers, whole in itself: what is trained on changes with it.
  const auto path = file("1-sample.jsonl.gz");
  auto text = read_text_file(path);
  auto lines = split(text, '\n');
  text = lines[0] + '\n';
  for (std::size_t at = 1; at + 2 < lines.size(); ++at) {
    auto line = parse_json(lines[at], "line");
    for (auto& answer : line["answers"]) {
      if (answer["origin"] == "data") continue;
      answer["text"] = answer["text"].get<std::string>().append("9");
      for (const auto* drawn : {"drawn", "ended"}) answer.erase(drawn);  // they spell the text before
    }
    text += line.dump() + '\n';
  }
  write_file_atomically(path, gzip(text + Json{{"sha256", sha256(text)}}.dump() + "\n"));
  EXPECT_NE(run(), whole);
  EXPECT_EQ(taken(), 1);
  EXPECT_TRUE(said("2-judge.jsonl.gz differ in 'data': made again")) << said_;
}

TEST_F(MadeRecords, ThatAreDamagedAreMadeAgain) {
  const auto whole = run();
  const auto path = file("1-sample.jsonl.gz");
  const auto packed = read_file(path);
  const auto text = read_text_file(path);
  auto changed = text;
  changed[text.size() / 2] = static_cast<char>(changed[text.size() / 2] ^ 1);
  for (const auto& damage : {packed.substr(0, packed.size() / 2), std::string(), gzip(changed),
                             gzip(text.substr(0, text.size() / 2)), std::string("not gzip at all")}) {
    write_file_atomically(path, damage);
    EXPECT_EQ(run(), whole);
    EXPECT_TRUE(said("records are damaged and made again: ")) << said_;
    EXPECT_TRUE(said("1-sample.jsonl.gz")) << said_;
    EXPECT_EQ(read_file(path), packed);
    EXPECT_EQ(taken(), 3);
  }
}

TEST_F(MadeRecords, OfAnotherSeedOrProgramAreMadeAgainAndThoseOfAnotherTrainingStay) {
  const auto first = run();
  rate_ = "0.001";
  EXPECT_NE(run(), first);
  EXPECT_EQ(taken(), 4);
  seed_ = 6;
  run();
  EXPECT_EQ(taken(), 0);
  EXPECT_TRUE(said("1-sample.jsonl.gz differ in 'seed': made again")) << said_;
  version_ = "2";
  run();
  EXPECT_EQ(taken(), 0);
  EXPECT_TRUE(said("1-sample.jsonl.gz differ in 'code_version': made again")) << said_;
}

TEST_F(MadeRecords, OfAnEarlierMethodGo) {
  run();
  auto job = testing::tiny_job(folder_.path());
  job.recipe = testing::write_recipe(folder_.path(), R"([{"use": "load", "task": "sums"},
      {"use": "judge"}, {"use": "train", "objective": "sft", "max_steps": 1}])");
  const auto files = testing::run_job(job).result.records;
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].file, "1-judge.jsonl.gz");
  EXPECT_TRUE(fs::exists(file("1-judge.jsonl.gz")));
  for (const auto* name : {"1-sample.jsonl.gz", "2-judge.jsonl.gz", "3-pair.jsonl.gz", "4-reference.jsonl.gz"}) {
    EXPECT_FALSE(fs::exists(file(name))) << name;
  }
}

}  // namespace
}  // namespace touchstone
