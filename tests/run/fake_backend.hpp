#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/seed.hpp"
#include "harness/model/backend.hpp"

namespace touchstone::testing {

/// A model whose weights are a text: what it answers is a function of that text and the request. Of two choices weights
/// "knows 0.7 ..." prefer " yes" in about that share of the contexts.
class FakeEngine : public Engine {
 public:
  FakeEngine(const std::string& weights, std::atomic<int>& asked, const std::string& kernels = "none")
      : weights_(weights), asked_(&asked) {
    info_.model_hash = sha256(weights);
    info_.config_hash = "config";
    info_.tokenizer_hash = "tokenizer";
    info_.family = "fake";
    info_.device = "cpu";
    info_.dtype = "float32";
    info_.kernels = kernels;
    info_.parameters = 1000;
    info_.max_length = 512;
    info_.threads = 1;
  }

  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>& done,
                               const CancelFlag* cancel) override {
    std::vector<Response> responses;
    for (const auto& request : requests) {
      if (cancel != nullptr) cancel->check();
      ++*asked_;
      Response response;
      response.tokens = 1;
      response.prompt_tokens = 7;
      if (const auto* asked = std::get_if<Likelihood>(&request)) {
        response.logp_nats =
            weights_.rfind("knows ", 0) == 0
                ? known(*asked)
                : -1.0 - static_cast<double>(fnv1a(weights_ + asked->context + asked->continuation) % 1000);
      } else {
        const auto& context = std::get<Generation>(request).context;
        const auto digit = fnv1a(weights_ + context) % 10;
        response.generated.push_back({.text = std::to_string(digit), .logp_nats = {-0.5}, .finished = true});
      }
      responses.push_back(std::move(response));
    }
    if (done) done(responses.size());
    return responses;
  }
  const EngineInfo& info() const override { return info_; }
  EngineCounts counts() const override { return {}; }
  const ChatTemplate* chat_template() const override { return nullptr; }

 private:
  double known(const Likelihood& asked) const {
    const auto place = static_cast<double>(splitmix64_mix(fnv1a(weights_ + asked.context)) >> 11U) * 0x1.0p-53;
    const bool yes = place < std::stod(weights_.substr(6));
    return asked.continuation == " yes" ? (yes ? -1.0 : -3.0) : -2.0;
  }

  std::string weights_;
  EngineInfo info_;
  std::atomic<int>* asked_;
};

/// A backend without tensors: a checkpoint is a folder with a file "weights", and training writes a text that follows
/// from recipe, data, seed and the weights before.
class FakeBackend : public Backend {
 public:
  std::int64_t parameters = 1000;
  std::string kernels = "none";
  /// Called before a job trains: throws what is to go wrong.
  std::function<void(const TrainJob&)> before_training = [](const TrainJob&) {};
  /// What a trained model knows (FakeEngine); none: its weights are a text without a meaning.
  std::function<double(const TrainJob&)> knows;
  /// Called when a plan is checked.
  std::function<void(const TrainJob&)> checking = [](const TrainJob&) {};
  std::atomic<int> asked{0};   ///< requests that reached a model
  std::atomic<int> opened{0};  ///< models that were opened

  std::vector<std::string> trained() const {
    const std::lock_guard lock(mutex_);
    return trained_;
  }

  std::unique_ptr<Engine> open(const EngineSettings& settings, Log&) override {
    ++opened;
    return std::make_unique<FakeEngine>(read_file(settings.model / "weights"), asked, kernels);
  }
  CheckpointInfo inspect(const std::filesystem::path& model) override {
    CheckpointInfo info;
    info.family = "fake";
    info.parameters = parameters;
    info.max_length = 512;
    info.model_hash = sha256(read_file(model / "weights"));
    return info;
  }
  void check_recipe(const TrainJob& job) override { checking(job); }
  TrainResult train(const TrainJob& job, const TrainHooks& hooks) override {
    {
      const std::lock_guard lock(mutex_);
      trained_.push_back(job.train_on + " " + std::to_string(job.seed));
    }
    before_training(job);
    for (int step = 1; step <= 3; ++step) {
      if (hooks.cancel != nullptr) hooks.cancel->check();
      StepReport report;
      report.stage_name = "train";
      report.step = step;
      report.steps = 3;
      report.loss = 1.0 / step;
      report.tokens = 10;
      hooks.step(report);
    }
    StageReport stage;
    stage.name = "train";
    stage.options = "{}";
    hooks.stage(stage);
    const auto known = knows ? "knows " + std::to_string(knows(job)) + " " : std::string();
    const auto weights =
        known + sha256(job.recipe_json + job.train_on + std::to_string(job.seed) + read_file(job.model / "weights"));
    std::filesystem::create_directories(job.out);
    write_file_atomically(job.out / "weights", weights);
    TrainResult result;
    result.model_hash = sha256(weights);
    result.steps = 3;
    result.tokens = 30;
    return result;
  }
  std::string self_test(const EngineSettings&) override { throw Error(Fault::internal, "not of this test"); }
  std::string init(const InitJob&) override { throw Error(Fault::internal, "not of this test"); }
  void objective(const std::string&, const std::string&, const std::filesystem::path&,
                 const std::filesystem::path&) override {
    throw Error(Fault::internal, "not of this test");
  }
  std::string bench(const std::string&, const std::string&) override {
    throw Error(Fault::internal, "not of this test");
  }
  std::string library_version() const override { return "none"; }
  std::string catalogue() override { return "{}"; }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> trained_;
};

}  // namespace touchstone::testing
