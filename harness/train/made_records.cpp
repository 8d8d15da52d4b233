#include "harness/train/made_records.hpp"

#include "harness/base/files.hpp"
#include "harness/base/gzip.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/data/made_file.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/soft_prompt.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

void add_tensor(Sha256& hash, const std::string& name, const Tensor& tensor) {
  const auto values = tensor.detach().to(at::kCPU).contiguous();
  hash.add(name).add(c10::str(values.scalar_type(), values.sizes()));
  hash.add(values.const_data_ptr(), values.nbytes());
}

/// A hash of all weights as they are now, adapters and soft prompt included.
std::string weights_hash(Model& model) {
  Sha256 hash;
  for (const auto& [name, tensor] : model.parameters()) add_tensor(hash, name, *tensor);
  for (const auto& [module, linear] : model.linears()) {
    for (const auto& delta : linear->deltas) {
      for (const auto& [name, tensor] : delta->parameters()) add_tensor(hash, module + "." + name, *tensor);
    }
  }
  if (const auto prompt = model.soft_prompt(); prompt.defined()) add_tensor(hash, soft_prompt_key, prompt);
  return hash.hex();
}

/// How answers are drawn in this stage; {} where none are.
Json drawing_of(const Stage& stage, const Session& session) {
  const auto& drawing = stage.making->drawing;
  return drawing ? parse_json(drawing(session), "drawing") : Json::object();
}

/// Everything that decides the stage's output; "model" is left out where it depends on no weights.
Json key_of(const Stage& stage, const Session& session) {
  const auto& making = *stage.making;
  const auto& source = session.data.at(making.data);
  Json key = {{"format", made_format},
              {"stage", stage.name},
              {"options", parse_json(stage.options, "options")},
              {"data", records_hash(source, session.origins)}};
  if (making.by) {
    auto& model = making.by->empty() ? *session.model : *session.frozen.at(*making.by);
    key["model"] = weights_hash(model);
  }
  if (making.drawing) key["drawing"] = drawing_of(stage, session);
  const auto job = parse_json(session.config_json, "training job");
  for (const auto* name : {"tokenizer_hash", "seed", "chat", "device", "dtype", "kernels", "threads"}) {
    key[name] = job.value(name, Json());
  }
  for (const auto& record : source) {  // for the rules that judge
    if (session.job->tasks->tasks.has(record.task)) {
      key["tasks"][record.task] = session.job->tasks->tasks.get(record.task).version;
    }
  }
  key["code_version"] = session.job->code_version;
  return key;
}

/// The first member of the key with a different value.
std::string difference(const std::string& found, const std::string& wanted) {
  const auto before = Json::parse(found);
  const auto now = Json::parse(wanted);
  for (const auto& member : now.items()) {
    if (!before.is_object() || !before.contains(member.key()) || before[member.key()] != member.value()) {
      return member.key();
    }
  }
  return "key";
}

/// A description of what writes answers in this stage, for the records.
std::string origin_of(const Stage& stage, const Session& session, const Json& key) {
  Json origin = {{"stage", session.stage}, {"name", stage.name}};
  if (key.contains("model")) origin["model"] = key["model"];
  if (stage.making->by && session.loaded.count(*stage.making->by) != 0) {
    origin["model_hash"] = session.loaded.at(*stage.making->by);
  }
  origin["seed"] = session.job->seed;
  origin.update(drawing_of(stage, session));
  return origin.dump();
}

void warn(const Session& session, const std::string& line) {
  if (session.hooks->log != nullptr) session.hooks->log->warn(line);
}

void inform(const Session& session, const std::string& line) {
  if (session.hooks->log != nullptr) session.hooks->log->info(line);
}

/// Uses the records of the file when it is whole and was made from the same inputs; false: they must be made.
bool take(const fs::path& path, const std::string& key, const Stage& stage, Session& session) {
  std::error_code none;
  if (!fs::exists(path, none)) return false;
  try {
    const auto text = read_text_file(path, record_bytes);
    auto made = made_from_text(text, path.string(), key, session.data.at(stage.making->data));
    if (made.key != key) {
      inform(session, "records " + path.string() + " differ in '" + difference(made.key, key) + "': made again");
      return false;
    }
    session.result.records.push_back(record_file(made, text));
    session.data.at(stage.making->data) = std::move(made.records);
    session.values = std::move(made.values);
  } catch (const Error& error) {
    if (error.fault() != Fault::data) throw;
    warn(session, "records are damaged and made again: " + std::string(error.what()));
    return false;
  }
  inform(session, "stage " + std::to_string(session.stage) + " (" + stage.name + "): its records are taken from " +
                      path.string());
  return true;
}

/// Frees what only readers of the files need.
void clear_notes(std::vector<Record>& records) {
  for (auto& record : records) {
    for (auto& answer : record.answers) answer.note.clear();
  }
}

/// Keeps a stage's records, unless they are too large to be read again: then they are made each time.
void keep(const fs::path& folder, const std::string& key, const Stage& stage, Session& session) {
  MadeFile made;
  made.stage = session.stage;
  made.name = stage.name;
  made.key = key;
  made.values = session.values;
  made.origins = session.origins;
  auto& records = session.data.at(stage.making->data);
  made.records = std::move(records);
  const auto text = made_text(made);
  const auto file = record_file(made, text);
  if (text.size() <= record_bytes) {
    fs::create_directories(folder);
    write_file_atomically(folder / file.file, gzip(text));
    session.result.records.push_back(file);
  } else {
    warn(session, "records " + (folder / file.file).string() + " are not kept: " + std::to_string(file.bytes) +
                      " bytes, expected at most " + std::to_string(record_bytes));
  }
  records = std::move(made.records);
}

}  // namespace

void make_or_take(const Stage& stage, Session& session) {
  if (!stage.making || session.job->out.empty()) {
    stage.run(session);
  } else {
    const auto key = key_of(stage, session);
    session.origins[session.stage] = origin_of(stage, session, key);
    const auto folder = records_folder(session.job->out);
    if (take(folder / record_file_name(session.stage, stage.name), key.dump(), stage, session)) return;
    stage.run(session);
    keep(folder, key.dump(), stage, session);
  }
  if (stage.making) clear_notes(session.data.at(stage.making->data));
}

}  // namespace touchstone
