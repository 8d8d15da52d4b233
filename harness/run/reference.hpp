#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "harness/run/runner.hpp"

namespace touchstone {

/// Answers that a reference model has given already: cells of a plan ask it the same.
class AnswerMemory {
 public:
  std::optional<Response> find(const std::string& key) const;
  void keep(const std::string& key, const Response& response);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Response> answers_;
};

/// The model that metrics compare with: opened when first needed, closed with this object. Not for several threads at a
/// time; each cell has its own, and they share their answers.
class ReferenceModel {
 public:
  /// `hash` is the model's. `memory` outlives this object.
  ReferenceModel(EngineSettings settings, std::string hash, const RunTools& tools, AnswerMemory& memory);
  ~ReferenceModel();
  const std::string& hash() const { return hash_; }
  Engine& engine();

 private:
  EngineSettings settings_;
  std::string hash_;
  const RunTools* tools_;
  AnswerMemory* memory_;
  std::unique_ptr<Engine> opened_;
  std::unique_ptr<Engine> remembering_;
};

}  // namespace touchstone
