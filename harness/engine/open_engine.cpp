#include "harness/engine/open_engine.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/engine/native_engine.hpp"
#include "harness/model/cache_policy.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

constexpr int most_threads = 1024;

/// eos_token_id of a JSON file of the folder: one id or a list. Empty when the file or the key is not there.
std::vector<std::int64_t> end_tokens_of(const fs::path& path, std::int64_t vocabulary) {
  if (!fs::exists(path)) return {};
  Json config;
  try {
    config = read_json(path);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
  const auto refuse = [&] {
    throw Error(Fault::checkpoint, path.string() + ": key 'eos_token_id': found " + config["eos_token_id"].dump() +
                                       ", expected ids below vocab_size, " + std::to_string(vocabulary));
  };
  std::vector<std::int64_t> ids;
  if (!config.is_object() || !config.contains("eos_token_id") || config["eos_token_id"].is_null()) return ids;
  const auto& value = config["eos_token_id"];
  for (const auto& item : value.is_array() ? value : Json::array({value})) {
    if (!item.is_number_integer() || item.get<std::int64_t>() < 0 || item.get<std::int64_t>() >= vocabulary) refuse();
    ids.push_back(item.get<std::int64_t>());
  }
  return ids;
}

/// A file of the folder, or of the base where an adapter has no such file.
fs::path companion(const fs::path& folder, const fs::path& base, const char* file) {
  return fs::exists(folder / file) ? folder / file : base / file;
}

std::unique_ptr<ChatTemplate> read_template(const Tokenizer& tokenizer, const fs::path& folder) {
  const auto source = tokenizer.chat_template();
  if (source.empty()) return nullptr;
  return std::make_unique<ChatTemplate>(source, folder.string() + ": chat template", tokenizer.special_tokens());
}

int usable_length(const EngineSettings& settings, const Model& model) {
  if (settings.max_length == 0) return model.max_length();
  require(settings.max_length >= 2 && settings.max_length <= model.max_length(), Fault::config, [&] {
    return "max_length: found " + std::to_string(settings.max_length) + ", expected 2 to the model's " +
           std::to_string(model.max_length());
  });
  return settings.max_length;
}

/// A hash of all files that say what the model computes: config.json, and how pictures are prepared.
std::string hash_of_config(const fs::path& base, bool pictures) {
  auto hash = sha256_file(base / "config.json");
  if (!pictures) return hash;
  const auto file = base / "preprocessor_config.json";
  return sha256(hash + sha256_file(fs::exists(file) ? file : base / "processor_config.json"));
}

}  // namespace

fs::path tokenizer_folder(const fs::path& folder, const fs::path& base) {
  const bool own = fs::exists(folder / "tokenizer.json") || fs::exists(folder / "tokenizer.json.gz");
  return own ? folder : base;
}

at::Device find_device(const std::string& name) {
  const bool cuda = at::globalContext().hasCUDA();
  if (name == "cpu" || (name == "auto" && !cuda)) return at::kCPU;
  if (name == "auto") return {at::kCUDA, 0};
  int number = 0;
  const auto digits = name.starts_with("cuda:") ? name.substr(5) : name == "cuda" ? std::string("0") : std::string();
  require(!digits.empty() && digits.size() <= 3 &&
              std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }),
          Fault::device, [&] { return "device: found '" + name + "', expected auto, cpu, cuda or cuda:N"; });
  number = std::stoi(digits);
  const auto count = cuda ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  require(number < count, Fault::device, [&] {
    return "device: found '" + name + "', but LibTorch sees " + std::to_string(count) + " CUDA devices here";
  });
  return {at::kCUDA, static_cast<at::DeviceIndex>(number)};
}

at::ScalarType find_dtype(const std::string& name) {
  require(name == "float32" || name == "bfloat16", Fault::config,
          [&] { return "dtype: found '" + name + "', expected float32 or bfloat16"; });
  return name == "float32" ? at::kFloat : at::kBFloat16;
}

std::vector<std::int64_t> read_end_tokens(const fs::path& folder, const fs::path& base, const Tokenizer& tokenizer,
                                          std::int64_t vocabulary) {
  auto tokens = end_tokens_of(companion(folder, base, "generation_config.json"), vocabulary);
  if (tokens.empty()) tokens = end_tokens_of(base / "config.json", vocabulary);
  if (const auto eos = tokenizer.eos()) tokens.push_back(*eos);
  return tokens;
}

namespace {

/// The hash of the config, and of what else is set about where prompts begin and answers end: the end tokens of
/// generation_config.json where they are others, a start token that was asked for or forbidden.
std::string hash_of_settings(const EngineSettings& settings, const fs::path& base, bool pictures,
                             std::int64_t vocabulary) {
  const auto hash = hash_of_config(base, pictures);
  Json further = Json::object();
  const auto ends = end_tokens_of(companion(settings.model, base, "generation_config.json"), vocabulary);
  if (!ends.empty() && ends != end_tokens_of(base / "config.json", vocabulary)) further["eos_token_id"] = ends;
  if (settings.add_bos_token) further["add_bos_token"] = *settings.add_bos_token;
  return further.empty() ? hash : sha256(hash + further.dump());
}

EngineParts open_parts(const EngineSettings& settings, const Checkpoints& checkpoints, Log& log, CacheUse cache) {
  const auto device = find_device(settings.device);
  const auto dtype = find_dtype(settings.dtype);
  require(settings.threads >= 1 && settings.threads <= most_threads, Fault::config, [&] {
    return "threads: found " + std::to_string(settings.threads) + ", expected 1 to " + std::to_string(most_threads);
  });
  require(settings.batch_tokens >= 1, Fault::config,
          [&] { return "batch_tokens: found " + std::to_string(settings.batch_tokens) + ", expected at least 1"; });
  const auto info = checkpoints.inspect(settings.model);
  const auto base = checkpoints.base_folder(settings.model);
  const auto words = tokenizer_folder(settings.model, base);
  EngineParts parts;
  parts.settings = settings;
  parts.tokenizer = checkpoints.tokenizer(words);
  parts.model = checkpoints.load(
      settings.model, {.storage = dtype, .compute = dtype, .device = device, .answering = true, .cache = cache});
  parts.chat = read_template(*parts.tokenizer, words);
  parts.end_tokens = read_end_tokens(settings.model, base, *parts.tokenizer, parts.model->vocabulary());
  parts.pictures = read_picture_reader(checkpoints.family(base), base, *parts.tokenizer);
  parts.info = {.model_hash = info.model_hash,
                .config_hash = hash_of_settings(settings, base, parts.pictures.has_value(), parts.model->vocabulary()),
                .tokenizer_hash = parts.tokenizer->hash(),
                .template_hash = parts.chat ? parts.chat->hash() : std::string(),
                .family = info.family,
                .device = device.str(),
                .dtype = settings.dtype,
                .kernels = parts.model->kernels(),
                .parameters = info.parameters,
                .max_length = usable_length(settings, *parts.model),
                .threads = settings.threads};
  log.info("opened " + settings.model.string() + " family=" + info.family +
           " parameters=" + std::to_string(info.parameters) + " device=" + parts.info.device +
           " dtype=" + settings.dtype + " kernels=" + parts.info.kernels);
  return parts;
}

CacheUse cache_use(const std::optional<Procedure>& procedure) {
  if (!procedure || !procedure->cache) return CacheUse::whole;
  const auto reads = procedure->cache()->reads();
  return reads.keys || reads.attention ? CacheUse::watched : CacheUse::dropped;
}

/// The models that a procedure names. Each answers plainly: what its own folder says is for it alone.
std::map<std::string, EngineParts> open_others(const EngineParts& parts, const ProcedureFile& file,
                                               const Checkpoints& checkpoints, Log& log) {
  std::map<std::string, EngineParts> others;
  for (const auto& [name, folder] : file.models) {
    auto settings = parts.settings;
    settings.model = folder;
    settings.max_length = 0;
    auto other = open_parts(settings, checkpoints, log, CacheUse::whole);
    require(
        other.tokenizer->hash() == parts.tokenizer->hash() && other.model->vocabulary() == parts.model->vocabulary(),
        Fault::config, [&, &name = name] {
          return file.where + ": key 'models': '" + name +
                 "' has a different tokenizer or vocabulary, expected those of " + parts.settings.model.string();
        });
    others.emplace(name, std::move(other));
  }
  return others;
}

}  // namespace

std::unique_ptr<Engine> open_engine(const EngineSettings& settings, const Checkpoints& checkpoints, Log& log,
                                    const ProcedureBook& procedures) {
  const auto file = find_procedure(settings.model, checkpoints.base_folder(settings.model));
  std::optional<Procedure> procedure;
  if (file) procedure = read_procedure(*file, procedures);
  auto parts = open_parts(settings, checkpoints, log, cache_use(procedure));
  if (file) {
    parts.others = open_others(parts, *file, checkpoints, log);
    parts.info.procedure = file->json;
    log.info("answers by " + file->json);
  }
  parts.procedure = std::move(procedure);
  return make_engine(std::move(parts));
}

}  // namespace touchstone
