#include "harness/train/train_job.hpp"

#include <set>

#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/process.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/engine/workers.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/soft_prompt.hpp"
#include "harness/train/recipe.hpp"
#include "harness/train/session.hpp"

namespace touchstone {
namespace fs = std::filesystem;

at::ScalarType saved_dtype(const std::string& name) {
  if (name == "float16") return at::kHalf;
  if (name == "float32" || name == "bfloat16") return find_dtype(name);
  throw Error(Fault::config, "save_dtype: found '" + name + "', expected float32, bfloat16 or float16");
}

namespace {

void check_numbers(const TrainJob& job) {
  find_dtype(job.dtype);
  saved_dtype(job.save_dtype);
  find_device(job.device);
  require(job.threads >= 1, Fault::config,
          [&] { return "threads: found " + std::to_string(job.threads) + ", expected 1 or more"; });
}

/// Below the output: the models that its procedure names.
constexpr const char* procedure_models_folder = "models";

/// Below the output of an adapter: its base weights, where these lie nowhere else.
constexpr const char* adapter_base_folder = "base";

/// Whether this program writes files of that name into a checkpoint folder.
bool is_output_name(const std::string& name) {
  static const std::set<std::string> known = {"config.json",
                                              "generation_config.json",
                                              "model.safetensors.index.json",
                                              "adapter",
                                              adapter_base_folder,
                                              "adapter_config.json",
                                              "adapter_model.safetensors",
                                              procedure_file,
                                              procedure_models_folder,
                                              "special_tokens_map.json",
                                              "added_tokens.json",
                                              "vocab.json",
                                              "vocab.txt",
                                              "merges.txt",
                                              "chat_template.jinja",
                                              "chat_template.json",
                                              "preprocessor_config.json",
                                              "processor_config.json"};
  return known.count(name) != 0 || name.starts_with("tokenizer") ||
         (name.starts_with("model") && name.ends_with(".safetensors"));
}

/// The output replaces an earlier output, and nothing else that lies there.
void check_out(const TrainJob& job, const Checkpoints& checkpoints) {
  std::error_code none;
  if (job.out.empty() || !fs::exists(job.out, none)) return;
  const auto refuse = [&](const std::string& why) { throw Error(Fault::config, "--out " + job.out.string() + why); };
  if (!fs::is_directory(job.out)) refuse(": is not a folder");
  for (const auto& model : {job.model, checkpoints.base_folder(job.model)}) {
    if (fs::equivalent(job.out, model, none))
      refuse(": is the model that training starts from, expected another folder");
  }
  for (const auto& entry : fs::directory_iterator(job.out)) {
    const auto name = entry.path().filename().string();
    if (!is_output_name(name))
      refuse(": holds '" + name +
             "', which does not belong to a checkpoint, expected an empty or new folder, or one that training wrote");
  }
}

/// Everything besides the rows that decides the result bit by bit.
std::string job_config(const TrainJob& job, const Recipe& recipe, const Session& session,
                       const Checkpoints& checkpoints) {
  const Json config = {{"recipe", parse_json(recipe.json, "recipe")},
                       {"model_hash", checkpoints.model_hash(job.model)},
                       {"tokenizer_hash", session.tokenizer->hash()},
                       {"train_on", job.train_on},
                       {"seed", job.seed},
                       {"chat", job.chat},
                       {"device", find_device(job.device).str()},
                       {"dtype", job.dtype},
                       {"save_dtype", job.save_dtype},
                       {"kernels", session.model->kernels()},
                       {"threads", job.threads}};
  return config.dump();
}

void write_adapter(const AdapterFiles& adapter, const fs::path& folder, const Checkpoints& checkpoints) {
  fs::create_directories(folder);
  checkpoints.write_tensors(folder / "adapter_model.safetensors", adapter.tensors);
  write_file_atomically(folder / "adapter_config.json", adapter.config);
}

/// Whether the weights under an adapter are those of the job's model: no stage trained, merged or swapped them before.
bool stands_on_base(Session& session) {
  const auto& job = *session.job;
  if (!fs::equivalent(session.checkpoints->base_folder(job.model), job.model)) return false;
  const auto base = session.checkpoints->load(job.model, {});
  const auto wanted = base->parameters();
  const auto found = session.model->parameters();
  return wanted.size() == found.size() && std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
           const auto here = found.find(entry.first);
           return here != found.end() && entry.second->equal(here->second->detach().to(at::kCPU));
         });
}

/// Writes the adapter alone; its config names the job's model. Where its base has other weights, they are written
/// beside it. Afterwards the session's model is the bare one.
void write_bare_adapter(Session& session, const fs::path& folder) {
  const auto& job = *session.job;
  const auto& checkpoints = *session.checkpoints;
  auto adapter = *session.adapter;
  if (!stands_on_base(session)) {
    for (const auto& [name, linear] : session.model->linears()) linear->deltas.clear();
    session.model = without_soft_prompt(std::move(session.model));
    checkpoints.write(folder / adapter_base_folder, *session.model, checkpoints.base_folder(job.model),
                      saved_dtype(job.save_dtype));
    auto config = parse_json(adapter.config, "adapter_config.json");
    config["base_model_name_or_path"] = adapter_base_folder;
    adapter.config = config.dump(2) + "\n";
  }
  write_adapter(adapter, folder, checkpoints);
}

/// Writes procedure.json and the models that it names: frozen ones of the session as folders of their own; those that
/// the model came with are given by relative paths.
void write_procedure(const Session& session, const fs::path& folder) {
  if (!session.procedure) return;
  const auto& job = *session.job;
  std::map<std::string, std::string> models;
  for (const auto& [name, place] : session.procedure->models) {
    models[name] = fs::absolute(place)
                       .lexically_normal()
                       .lexically_proximate(fs::absolute(job.out).lexically_normal())
                       .generic_string();
  }
  for (const auto& [name, frozen] : session.procedure_models) {
    const auto place = fs::path(procedure_models_folder) / name;
    fs::create_directories((folder / place).parent_path());
    session.checkpoints->write(folder / place, *session.frozen.at(frozen), session.checkpoints->base_folder(job.model),
                               saved_dtype(job.save_dtype));
    models[name] = place.generic_string();
  }
  write_file_atomically(folder / procedure_file, procedure_text(session.procedure->json, models));
}

/// Writes the trained model below the job's output folder, whole or not at all; gives its hash.
std::string write_output(Session& session) {
  const auto& job = *session.job;
  const auto& checkpoints = *session.checkpoints;
  const auto base = checkpoints.base_folder(job.model);
  if (job.out.has_parent_path()) fs::create_directories(job.out.parent_path());
  {
    FolderWriter writer(job.out);
    if (session.adapter != nullptr && !session.folded) {
      write_bare_adapter(session, writer.path());
    } else {
      checkpoints.write(writer.path(), *session.model, base, saved_dtype(job.save_dtype));
      if (session.adapter != nullptr) write_adapter(*session.adapter, writer.path() / "adapter", checkpoints);
    }
    checkpoints.copy_companions(base, writer.path());
    checkpoints.copy_companions(job.model, writer.path());  // an adapter may bring its own
    write_procedure(session, writer.path());
    writer.commit();
  }
  return checkpoints.model_hash(job.out);
}

/// Removes only what this program put there; the folder may be the user's.
void remove_stage_folders(const fs::path& work, std::size_t stages) {
  std::error_code ignored;
  for (std::size_t stage = 0; stage < stages; ++stage)
    fs::remove_all(work / ("stage-" + std::to_string(stage)), ignored);
  fs::remove(work, ignored);  // succeeds only when nothing else is in it
}

/// The chat template's text.
std::string require_template(const Tokenizer& tokenizer, const fs::path& model) {
  auto source = tokenizer.chat_template();
  require(!source.empty(), Fault::checkpoint,
          [&] { return model.string() + ": --chat needs a chat template, which the checkpoint does not have"; });
  return source;
}

}  // namespace

void check_train_job(const TrainJob& job, const Checkpoints& checkpoints, const TrainerBook& trainers) {
  check_numbers(job);
  read_recipe(job, trainers);
  checkpoints.inspect(job.model);
  if (const auto procedure = find_procedure(job.model, checkpoints.base_folder(job.model)))
    read_procedure(*procedure, trainers.procedures);
  check_out(job, checkpoints);
  const auto tokenizer = checkpoints.tokenizer(tokenizer_folder(job.model, checkpoints.base_folder(job.model)));
  if (job.chat) require_template(*tokenizer, job.model);
}

TrainResult train_job(const TrainJob& job, const TrainHooks& hooks, const Checkpoints& checkpoints,
                      const TrainerBook& trainers) {
  const Stopwatch watch;
  check_numbers(job);
  require(!job.out.empty() && !job.work.empty(), Fault::config,
          "a training job needs an output folder and a work folder");
  check_out(job, checkpoints);
  const TensorThreads threads(job.threads);
  const auto recipe = read_recipe(job, trainers);
  Session session;
  session.job = &job;
  session.hooks = &hooks;
  session.checkpoints = &checkpoints;
  session.tokenizer = checkpoints.tokenizer(tokenizer_folder(job.model, checkpoints.base_folder(job.model)));
  std::optional<ChatTemplate> chat;
  if (job.chat) {
    const auto source = require_template(*session.tokenizer, job.model);
    chat.emplace(source, (job.model / "chat template").string(), session.tokenizer->special_tokens());
    session.chat = &*chat;
  }
  LoadSettings settings;
  settings.compute = find_dtype(job.dtype);
  settings.device = find_device(job.device);
  session.model = checkpoints.load(job.model, settings);
  require(!session.model->soft_prompt().defined(), Fault::config, [&] {
    return job.model.string() +
           ": has a soft prompt, which whole weights cannot hold, expected its base model, and this adapter " +
           "as 'start_from' of the stage 'adapt'";
  });
  session.pictures =
      read_picture_reader(checkpoints.family(job.model), checkpoints.base_folder(job.model), *session.tokenizer);
  session.procedure = find_procedure(job.model, checkpoints.base_folder(job.model));
  if (session.procedure) read_procedure(*session.procedure, trainers.procedures);
  for (auto& [name, tensor] : session.model->parameters()) tensor->requires_grad_(true);
  session.config_json = job_config(job, recipe, session, checkpoints);
  run(recipe, session);
  remove_record_files(records_folder(job.out), session.result.records);
  session.result.model_hash = write_output(session);
  remove_stage_folders(job.work, recipe.stages.size());
  session.result.peak_bytes = peak_resident_bytes();
  session.result.seconds = watch.seconds();
  return session.result;
}

}  // namespace touchstone
