#pragma once
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "harness/model/engine.hpp"

namespace touchstone {

/// A hash of all that can change an answer of this engine, but the request.
std::string answers_of(const EngineInfo& info);
/// A hash of that and of a request: equal keys have equal answers.
std::string answer_key(const std::string& answers, const Request& request);

/// An engine that writes each answer to a file as it comes. A long measurement that is killed continues where it was.
/// Answers are found by a hash of the weights, of everything else that can change a number, and of the request, so
/// another checkpoint can never get them. A half-written last line is ignored.
class AnswerLog : public Engine {
 public:
  /// Reads the answers of this engine in `file`; a file of another engine is started afresh.
  AnswerLog(Engine& engine, std::filesystem::path file);
  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>& done,
                               const CancelFlag* cancel) override;
  const EngineInfo& info() const override { return engine_->info(); }
  EngineCounts counts() const override { return engine_->counts(); }
  const ChatTemplate* chat_template() const override { return engine_->chat_template(); }
  std::string turn_end() const override { return engine_->turn_end(); }
  const Procedure* procedure() const override { return engine_->procedure(); }
  Engine* other(const std::string& name) override { return engine_->other(name); }
  std::vector<std::vector<TokenReading>> read(std::span<const TokenText> texts, Engine* reference,
                                              const CancelFlag* cancel) override {
    return engine_->read(texts, reference, cancel);
  }
  Engine& plain() override { return engine_->plain(); }
  /// Number of answers that came from the file.
  std::size_t reused() const { return reused_; }
  /// Removes the file. Call it when the results are stored elsewhere.
  void remove();

 private:
  void load();
  void write(const std::string& key, const Response& response);

  Engine* engine_;
  std::filesystem::path file_;
  std::string identity_;
  std::map<std::string, std::string> stored_;  ///< from key to the response's JSON text
  std::ofstream out_;
  std::size_t reused_ = 0;
};

}  // namespace touchstone
