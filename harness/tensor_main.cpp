// The tensor library's one entry.
#include <torch/version.h>

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "backends/book.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/engine/bench_engine.hpp"
#include "harness/engine/init_checkpoint.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/engine/self_test.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/backend.hpp"
#include "harness/model/checkpoint.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/recipe.hpp"
#include "harness/train/run_objective.hpp"
#include "harness/train/stage.hpp"
#include "harness/train/train_job.hpp"
#include "trainers/bench/bench_objectives.hpp"
#include "trainers/bench/bench_train.hpp"
#include "trainers/book.hpp"

namespace touchstone {
namespace {

/// Large blocks stay with the process instead of being mapped, cleared and given back at every operator: a training
/// step takes and frees the same ones again and again.
void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

/// LibTorch's errors are long and of many lines; the first says what is wrong.
template <class Body>
auto guarded(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw Error(Fault::shape, text.substr(0, text.find('\n')));
  }
}

class TensorBackend final : public Backend {
 public:
  TensorBackend() {
    const char* const kernels = std::getenv(kernels::kernels_variable);
    require(kernels == nullptr || kernels::named(kernels) != nullptr, Fault::config, [&] {
      return std::string(kernels::kernels_variable) + " is '" + kernels +
             "', which this processor or build lacks; expected baseline, avx2, avx512, avx512bf16 or amx";
    });
    keep_freed_memory();
    add_backends(families_);
    add_trainers(trainers_);
    checkpoints_ = make_checkpoints(families_);
    at::globalContext().setFloat32MatmulPrecision("highest");
  }

  std::unique_ptr<Engine> open(const EngineSettings& settings, Log& log) override {
    return guarded([&] { return open_engine(settings, *checkpoints_, log, trainers_.procedures); });
  }

  CheckpointInfo inspect(const std::filesystem::path& model) override { return checkpoints_->inspect(model); }

  std::string self_test(const EngineSettings& settings) override {
    return guarded([&] { return self_test_engine(settings, *checkpoints_, trainers_.procedures); });
  }

  std::string library_version() const override { return TORCH_VERSION; }

  void check_recipe(const TrainJob& job) override { check_train_job(job, *checkpoints_, trainers_); }

  std::string init(const InitJob& job) override {
    return guarded([&] { return init_checkpoint(job, *checkpoints_, families_); });
  }

  TrainResult train(const TrainJob& job, const TrainHooks& hooks) override {
    return guarded([&] { return train_job(job, hooks, *checkpoints_, trainers_); });
  }

  void objective(const std::string& name, const std::string& options_json, const std::filesystem::path& inputs,
                 const std::filesystem::path& outputs) override {
    guarded([&] {
      trainers_.objectives.get(name);
      const auto given = checkpoints_->read_tensors(inputs);
      try {
        checkpoints_->write_tensors(outputs, run_objective(name, options_json, given, trainers_));
      } catch (const Error& error) {
        if (error.fault() != Fault::shape) throw;
        throw Error(Fault::shape, inputs.string() + ": " + error.what());
      }
    });
  }

  std::string catalogue() override {
    auto all = parse_json(describe_trainers(trainers_), "trainers");
    all["families"] = describe_families();
    return all.dump(2);
  }

  std::string bench(const std::string& kind, const std::string& options_json) override {
    require(kind == "score" || kind == "decode" || kind == "train" || kind == "objectives", Fault::config,
            [&] { return "bench: found '" + kind + "', expected train, objectives, decode or score"; });
    if (kind == "objectives") {
      return guarded([&] { return bench_objectives(options_json, *checkpoints_, families_, trainers_); });
    }
    if (kind == "train") {
      return guarded([&] { return bench_train(options_json, *checkpoints_, families_, trainers_); });
    }
    return guarded([&] { return bench_engine(kind, options_json, *checkpoints_, families_); });
  }

 private:
  Json describe_families() const {
    Json all = Json::array();
    for (const auto& name : families_.names()) {
      const auto& family = families_.get(name);
      all.push_back({{"name", name}, {"summary", family.summary}, {"architectures", family.architectures}});
    }
    return all;
  }

  FamilyBook families_{"family"};
  TrainerBook trainers_;
  std::unique_ptr<Checkpoints> checkpoints_;
};

}  // namespace
}  // namespace touchstone

/// Makes the backend, once; it lives as long as the process.
extern "C" touchstone::Backend* touchstone_backend() {
  static touchstone::TensorBackend backend;
  return &backend;
}
