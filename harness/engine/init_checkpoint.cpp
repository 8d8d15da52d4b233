#include "harness/engine/init_checkpoint.hpp"

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/engine/adopt_weights.hpp"
#include "harness/engine/random_weights.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

/// A temporary folder for files that are copied into another one.
class Workshop {
 public:
  explicit Workshop(fs::path path) : path_(std::move(path)) { fs::create_directories(path_); }
  ~Workshop() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void write_tokenizer(const fs::path& folder, const InitJob& job, const Checkpoints& checkpoints,
                     std::int64_t vocabulary, std::int64_t length) {
  BpeSettings settings;
  settings.vocabulary = vocabulary;
  write_file_atomically(folder / "tokenizer.json", checkpoints.learn_tokenizer(job.documents, settings));
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"eos_token", settings.end_of_text},
                       {"pad_token", settings.end_of_text},
                       {"clean_up_tokenization_spaces", false},
                       {"model_max_length", length}};
  write_file_atomically(folder / "tokenizer_config.json", config.dump(2) + "\n");
  const Json generation = {{"eos_token_id", 0}, {"pad_token_id", 0}, {"do_sample", false}};
  write_file_atomically(folder / "generation_config.json", generation.dump(2) + "\n");
}

/// Adds control tokens that a tokenizer lacks, behind its last one.
void add_controls(const fs::path& folder, const Checkpoints& checkpoints, const std::vector<std::string>& controls) {
  const auto tokenizer = checkpoints.tokenizer(folder);
  const auto path = folder / "tokenizer.json";
  auto json = read_json(path);
  auto next = tokenizer->size();
  for (const auto& token : controls) {
    if (tokenizer->id_of(token)) continue;
    json["added_tokens"].push_back({{"id", next++},
                                    {"content", token},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", false},
                                    {"special", true}});
  }
  write_file_atomically(path, json.dump(1) + "\n");
  auto config =
      fs::exists(folder / "tokenizer_config.json") ? read_json(folder / "tokenizer_config.json") : Json(Json::object());
  config["additional_special_tokens"] = controls;
  write_file_atomically(folder / "tokenizer_config.json", config.dump(2) + "\n");
}

/// Other programs find the pictures' places by config.json, this one by the token's text: both must name one token.
void check_mark(const Json& config, const std::string& where, const std::string& mark, const Tokenizer& tokenizer) {
  const auto id = tokenizer.id_of(mark);
  const auto said = config.find("image_token_id");
  const bool equal = id && said != config.end() && said->is_number_integer() && said->get<std::int64_t>() == *id;
  require(equal, Fault::checkpoint, [&] {
    return where + ": key 'image_token_id': found " + (said == config.end() ? "none" : said->dump()) + ", expected " +
           (id ? std::to_string(*id) + ", which is " + mark + " in the tokenizer" : "a tokenizer that has " + mark);
  });
}

}  // namespace

std::string init_checkpoint(const InitJob& job, const Checkpoints& checkpoints, const FamilyBook& families) {
  const auto where = job.config.string();
  const auto config = read_json(job.config);
  const auto& family = find_family(families, config, where);
  const auto model = draw_model(families, config, where, job.seed, {});
  if (!job.from.empty()) adopt_weights(*model, *checkpoints.load(job.from, {}), job.from.string());
  const Workshop workshop(job.out.string() + ".init");
  std::vector<std::string> controls;
  for (const auto& [kind, text] : family.media) controls.insert(controls.end(), text.tokens.begin(), text.tokens.end());
  auto source = job.tokenizer;
  if (source.empty()) {
    source = workshop.path();
    write_tokenizer(source, job, checkpoints, model->vocabulary() - static_cast<std::int64_t>(controls.size()),
                    model->max_length());
  }
  if (!family.media.empty()) {
    if (source != workshop.path()) checkpoints.copy_companions(source, workshop.path());
    source = workshop.path();
    add_controls(source, checkpoints, controls);
    for (const auto& [kind, media] : family.media) {
      for (const auto& [name, text] : media.files(config)) write_file_atomically(source / name, text);
    }
  }
  const auto tokenizer = checkpoints.tokenizer(source);
  require(tokenizer->size() <= model->vocabulary(), Fault::checkpoint, [&] {
    return where + ": key 'vocab_size': found " + std::to_string(model->vocabulary()) + ", expected at least " +
           std::to_string(tokenizer->size()) + ", the tokens of the tokenizer";
  });
  const auto pictures = family.media.find(MediaKind::picture);
  if (pictures != family.media.end()) check_mark(config, where, pictures->second.mark, *tokenizer);
  return checkpoints.write(job.out, *model, source);
}

}  // namespace touchstone
