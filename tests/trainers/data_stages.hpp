#pragma once
// Records made by hand, and a session of them: what tests of stages that read data alone run on.
#include <gtest/gtest.h>

#include "tests/trainers/tiny.hpp"

namespace touchstone::testing {

inline Record record_of(const std::string& id, const std::vector<std::pair<std::string, double>>& answers) {
  Record record;
  record.id = id;
  record.prompt = {{Role::user, {id + "?"}, " "}};
  for (const auto& [text, reward] : answers) {
    record.answers.emplace_back();
    record.answers.back().text = text;
    record.answers.back().reward = reward;
  }
  return record;
}

inline std::vector<std::string> texts(const Record& record) {
  std::vector<std::string> all;
  for (const auto& answer : record.answers) all.push_back(answer.text);
  return all;
}

inline std::vector<std::string> ids(const std::vector<Record>& records) {
  std::vector<std::string> all;
  for (const auto& record : records) all.push_back(record.id);
  return all;
}

/// A session without a model, for stages that read data alone.
class DataStages : public ::testing::Test {
 protected:
  DataStages() {
    job_.seed = 3;
    job_.tasks = &tiny_tasks();
    session_.job = &job_;
    session_.hooks = &hooks_;
  }
  void run(const std::string& config) {
    session_.values.clear();
    make_use(Options(parse_json(config, "test"), "test"), trainer_book().stages, trainer_book()).run(session_);
  }
  std::vector<Record>& data() { return session_.data["data"]; }
  TrainJob job_;
  TrainHooks hooks_;
  Session session_;
};

}  // namespace touchstone::testing
