#pragma once
#include <filesystem>
#include <initializer_list>
#include <string>

#include "harness/train/session.hpp"

namespace touchstone {

/// A frozen model in the words of Stage::needs and Stage::gives: "frozen model 'teacher'".
inline std::string needs_model(const std::string& name) { return "frozen model '" + name + "'"; }

/// A folder with config.json, or the name of one that lies beside the job's model; with `adapters` a folder with
/// adapter_config.json will do, too. Throws Fault::config when there is none.
std::filesystem::path checkpoint_folder(const TrainJob& job, const std::string& from, bool adapters = false);

/// Adds what a stage started from, found at `path` in Session::config_json: whoever resumes must have had the same.
void add_to_config(Session& session, std::initializer_list<std::string> path, const std::string& value);

/// Throws Fault::config where the session's model carries an adapter: `what` ("merging") needs whole weights.
void require_whole_weights(const Session& session, const std::string& what);

}  // namespace touchstone
