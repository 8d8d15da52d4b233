#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/data/record.hpp"
#include "harness/model/backend.hpp"
#include "harness/model/checkpoint.hpp"
#include "harness/model/model.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// What the stages of one cell share. A stage keeps its own state in itself.
class Session {
 public:
  std::unique_ptr<Model> model;                                ///< the one being changed
  std::map<std::string, std::unique_ptr<Model>> frozen;        ///< references and teachers, by the name a config gave
  std::map<std::string, std::vector<Record>> data;             ///< by the name a config gave
  std::shared_ptr<const Tokenizer> tokenizer;
  const ChatTemplate* chat = nullptr;                          ///< null: prompts are plain text
  const TrainJob* job = nullptr;                               ///< seed, task book, data folders, work folder
  const TrainHooks* hooks = nullptr;
  const Checkpoints* checkpoints = nullptr;                    ///< reads and writes checkpoint folders and safetensors files
  int stage = 0;                                               ///< the running one, from 0
  TrainResult result;
  /// What an adapter stage leaves for the writer of the output: peft's adapter_config.json; empty when the weights are whole.
  std::string adapter_config;
};

}  // namespace touchstone
