#include "harness/run/answer_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::SizeIs;

/// Gives the same answer to everything, and counts.
class OneAnswer : public Engine {
 public:
  explicit OneAnswer(Response answer, const std::string& hash = "weights") : answer_(std::move(answer)) {
    info_.model_hash = hash;
  }
  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>&,
                               const CancelFlag*) override {
    if (calls_++ == stop_at) throw Cancelled();
    asked += requests.size();
    return std::vector<Response>(requests.size(), answer_);
  }
  const EngineInfo& info() const override { return info_; }
  EngineCounts counts() const override { return {}; }
  const ChatTemplate* chat_template() const override { return nullptr; }
  std::string turn_end() const override { return "<|im_end|>"; }
  std::size_t asked = 0;
  int stop_at = -1;  ///< the call that is stopped

 private:
  Response answer_;
  EngineInfo info_;
  int calls_ = 0;
};

Response odd_response() {
  using Limits = std::numeric_limits<double>;
  Response response;
  response.logp_nats = -Limits::infinity();
  response.tokens = 3;
  response.greedy = true;
  response.prompt_tokens = 11;
  response.truncated_tokens = 2;
  response.empty_continuation = true;
  response.forward_tokens = 14;
  response.cache_bytes = 1 << 20;
  response.generated.push_back({.text = "a\xff\xed\xa0\x80\n\"",
                                .logp_nats = {-0.1, Limits::quiet_NaN(), -0.0, Limits::infinity()},
                                .finished = true,
                                .tokens = {5, 6, 7, 8, 2},
                                .text_tokens = 4,
                                .ended = true});
  response.generated.push_back({.text = "", .logp_nats = {}, .finished = false, .tokens = {}, .text_tokens = -1});
  return response;
}

void expect_same(double a, double b) {
  EXPECT_TRUE((std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b))
      << a << ' ' << b;
}

void expect_same(const Response& a, const Response& b) {
  expect_same(a.logp_nats, b.logp_nats);
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.greedy, b.greedy);
  EXPECT_EQ(a.prompt_tokens, b.prompt_tokens);
  EXPECT_EQ(a.truncated_tokens, b.truncated_tokens);
  EXPECT_EQ(a.empty_continuation, b.empty_continuation);
  EXPECT_EQ(a.forward_tokens, b.forward_tokens);
  EXPECT_EQ(a.cache_bytes, b.cache_bytes);
  ASSERT_EQ(a.generated.size(), b.generated.size());
  for (std::size_t i = 0; i < a.generated.size(); ++i) {
    EXPECT_EQ(a.generated[i].text, b.generated[i].text);
    EXPECT_EQ(a.generated[i].finished, b.generated[i].finished);
    EXPECT_EQ(a.generated[i].tokens, b.generated[i].tokens);
    EXPECT_EQ(a.generated[i].text_tokens, b.generated[i].text_tokens);
    EXPECT_EQ(a.generated[i].ended, b.generated[i].ended);
    ASSERT_EQ(a.generated[i].logp_nats.size(), b.generated[i].logp_nats.size());
    for (std::size_t j = 0; j < a.generated[i].logp_nats.size(); ++j) {
      expect_same(a.generated[i].logp_nats[j], b.generated[i].logp_nats[j]);
    }
  }
}

class AnswerLogTest : public ::testing::Test {
 protected:
  std::vector<Response> answer(OneAnswer& engine, std::span<const Request> requests) {
    AnswerLog log(engine, file_);
    return log.answer(requests, {}, nullptr);
  }
  std::vector<std::string> lines() const { return split(read_file(file_), '\n'); }

  testing::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "work/answers";
};

TEST_F(AnswerLogTest, GivesBackEveryPartOfAnAnswer) {
  OneAnswer engine(odd_response());
  const std::vector<Request> requests = {Generation{.context = "a"}, Likelihood{"b", "c"}, Rolling{"d"}};
  answer(engine, requests);
  EXPECT_EQ(engine.asked, 3U);
  const auto again = answer(engine, requests);
  EXPECT_EQ(engine.asked, 3U);
  ASSERT_THAT(again, SizeIs(3));
  for (const auto& one : again) expect_same(one, odd_response());
}

TEST_F(AnswerLogTest, RequestsThatDifferInAnyPartAreDifferent) {
  OneAnswer engine(odd_response());
  const Generation plain{.context = "a", .max_new_tokens = 4};
  std::vector<Generation> others(11, plain);
  others[0].context = "b";
  others[1].max_new_tokens = 5;
  others[2].temperature = 0.5;
  others[3].top_p = 0.5;
  others[4].top_k = 2;
  others[5].until = {"a"};
  others[6].samples = 2;
  others[7].keep_first_space = true;
  others[8].seed = 1;
  others[9].further_contexts = {"b"};
  others[10].further_contexts = {"b", "b"};
  std::vector<Request> requests = {plain, Likelihood{"a", "b"}, Likelihood{"ab", ""}, Rolling{"a"}};
  requests.insert(requests.end(), others.begin(), others.end());
  for (std::size_t at = 0; at < requests.size(); ++at) {
    answer(engine, {&requests[at], 1});
    EXPECT_EQ(engine.asked, at + 1);
  }
  answer(engine, requests);
  EXPECT_EQ(engine.asked, requests.size());
}

TEST_F(AnswerLogTest, AnotherModelIsNeverGivenThem) {
  OneAnswer engine(odd_response());
  OneAnswer other(Response{}, "other weights");
  const std::vector<Request> requests = {Rolling{"a"}};
  answer(engine, requests);
  EXPECT_EQ(answer(other, requests).front().tokens, 0);
  EXPECT_EQ(other.asked, 1U);
}

TEST_F(AnswerLogTest, LinesThatWereCutOrChangedAreLeftOut) {
  OneAnswer engine(odd_response());
  const std::vector<Request> requests = {Rolling{"a"}, Rolling{"b"}, Rolling{"c"}};
  answer(engine, requests);
  const auto whole = read_file(file_);
  for (const std::size_t bytes : {whole.size() - 2, whole.size() - 200, std::size_t{70}, std::size_t{10}}) {
    write_file_atomically(file_, whole.substr(0, bytes));
    engine.asked = 0;
    for (const auto& one : answer(engine, requests)) expect_same(one, odd_response());
    EXPECT_GT(engine.asked, 0U);
    EXPECT_EQ(lines().size(), 5U);  // the engine, three answers, and nothing behind the last line break
  }
  auto changed = whole;
  changed[changed.rfind("14")] = '9';
  write_file_atomically(file_, changed);
  engine.asked = 0;
  for (const auto& one : answer(engine, requests)) expect_same(one, odd_response());
  EXPECT_GT(engine.asked, 0U);
}

TEST_F(AnswerLogTest, WhatWasAnsweredBeforeAStopIsKept) {
  OneAnswer engine(odd_response());
  engine.stop_at = 1;
  std::vector<Request> requests;
  for (int i = 0; i < 300; ++i) requests.emplace_back(Rolling{std::to_string(i)});
  EXPECT_THROW(answer(engine, requests), Cancelled);
  EXPECT_EQ(engine.asked, 256U);
  EXPECT_THAT(answer(engine, requests), SizeIs(300));
  EXPECT_EQ(engine.asked, 300U);
}

// The form of before: texts as lists of bytes, no tokens, null for what is not finite.
TEST_F(AnswerLogTest, AnOlderLogIsRead) {
  OneAnswer engine(odd_response());
  const std::vector<Request> requests = {Rolling{"a"}};
  answer(engine, requests);
  const auto now = lines();
  const std::string before =
      R"({"logp":null,"tokens":3,"greedy":true,"generated":[{"text":[97,255],"logp":[-0.5,null],"finished":true}],)"
      R"("prompt":11,"truncated":2,"empty":false,"forward":14,"cache":9})";
  write_file_atomically(file_, now[0] + "\n" + now[1].substr(0, 64) + " " + sha256(before) + " " + before + "\n");
  const auto found = answer(engine, requests).front();
  EXPECT_EQ(engine.asked, 1U);
  EXPECT_TRUE(std::isnan(found.logp_nats));
  EXPECT_EQ(found.cache_bytes, 9);
  ASSERT_THAT(found.generated, SizeIs(1));
  EXPECT_EQ(found.generated[0].text, "a\xff");
  EXPECT_EQ(found.generated[0].logp_nats[0], -0.5);
  EXPECT_TRUE(std::isnan(found.generated[0].logp_nats[1]));
  EXPECT_TRUE(found.generated[0].tokens.empty());
}

TEST_F(AnswerLogTest, IsRemovedWhenItsResultsAreSafe) {
  OneAnswer engine(odd_response());
  AnswerLog log(engine, file_);
  log.answer(std::vector<Request>{Rolling{"a"}}, {}, nullptr);
  EXPECT_EQ(log.reused(), 0U);
  log.remove();
  EXPECT_FALSE(std::filesystem::exists(file_));
}

// Answers stop there, with the log as without it.
TEST(AnswerLog, KeepsTheEndOfATurn) {
  const testing::TemporaryFolder folder;
  OneAnswer engine(odd_response());
  AnswerLog log(engine, folder.path() / "answers");
  EXPECT_EQ(log.turn_end(), "<|im_end|>");
  EXPECT_EQ(&log.plain(), &engine);
}

}  // namespace
}  // namespace touchstone
