#include "harness/run/reference.hpp"

#include "harness/run/answer_log.hpp"

namespace touchstone {
namespace {

/// Asks an engine only what it was not asked before.
class RememberingEngine final : public Engine {
 public:
  RememberingEngine(Engine& engine, AnswerMemory& memory)
      : engine_(engine), memory_(memory), identity_(answers_of(engine.info())) {}

  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>& done,
                               const CancelFlag* cancel) override {
    std::vector<Response> responses(requests.size());
    std::vector<Request> open;
    std::vector<std::size_t> places;
    std::vector<std::string> keys;
    for (std::size_t at = 0; at < requests.size(); ++at) {
      auto key = answer_key(identity_, requests[at]);
      if (auto found = memory_.find(key)) {
        responses[at] = std::move(*found);
        continue;
      }
      open.push_back(requests[at]);
      places.push_back(at);
      keys.push_back(std::move(key));
    }
    if (open.empty()) return responses;
    auto fresh = engine_.answer(open, done, cancel);
    for (std::size_t at = 0; at < fresh.size(); ++at) {
      memory_.keep(keys[at], fresh[at]);
      responses[places[at]] = std::move(fresh[at]);
    }
    return responses;
  }
  const EngineInfo& info() const override { return engine_.info(); }
  EngineCounts counts() const override { return engine_.counts(); }
  const ChatTemplate* chat_template() const override { return engine_.chat_template(); }
  std::string turn_end() const override { return engine_.turn_end(); }
  const Procedure* procedure() const override { return engine_.procedure(); }
  Engine* other(const std::string& name) override { return engine_.other(name); }
  std::vector<std::vector<TokenReading>> read(std::span<const TokenText> texts, Engine* reference,
                                              const CancelFlag* cancel) override {
    return engine_.read(texts, reference, cancel);
  }
  Engine& plain() override { return engine_.plain(); }

 private:
  Engine& engine_;
  AnswerMemory& memory_;
  std::string identity_;
};

}  // namespace

std::optional<Response> AnswerMemory::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(key);
  return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

void AnswerMemory::keep(const std::string& key, const Response& response) {
  const std::lock_guard lock(mutex_);
  answers_.emplace(key, response);
}

ReferenceModel::ReferenceModel(EngineSettings settings, std::string hash, const RunTools& tools, AnswerMemory& memory)
    : settings_(std::move(settings)), hash_(std::move(hash)), tools_(&tools), memory_(&memory) {}

ReferenceModel::~ReferenceModel() = default;

Engine& ReferenceModel::engine() {
  if (!opened_) {
    opened_ = tools_->backend->open(settings_, *tools_->log);
    remembering_ = std::make_unique<RememberingEngine>(*opened_, *memory_);
  }
  return *remembering_;
}

}  // namespace touchstone
