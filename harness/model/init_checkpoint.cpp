#include "harness/model/init_checkpoint.hpp"

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/random_weights.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

/// A folder for files on their way into another one.
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

void write_tokenizer(const fs::path& folder, const InitJob& job, std::int64_t vocabulary, std::int64_t length) {
  BpeSettings settings;
  settings.vocabulary = vocabulary;
  write_file_atomically(folder / "tokenizer.json", train_bpe(job.documents, settings));
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"eos_token", settings.end_of_text},
                       {"pad_token", settings.end_of_text},
                       {"clean_up_tokenization_spaces", false},
                       {"model_max_length", length}};
  write_file_atomically(folder / "tokenizer_config.json", config.dump(2) + "\n");
  const Json generation = {{"eos_token_id", 0}, {"pad_token_id", 0}, {"do_sample", false}};
  write_file_atomically(folder / "generation_config.json", generation.dump(2) + "\n");
}

}  // namespace

std::string init_checkpoint(const InitJob& job, const Checkpoints& checkpoints, const FamilyBook& families) {
  const auto where = job.config.string();
  const auto config = read_json(job.config);
  const auto model = draw_model(families, config, where, job.seed, {});
  const Workshop workshop(job.out.string() + ".init");
  auto source = job.tokenizer;
  if (source.empty()) {
    source = workshop.path();
    write_tokenizer(source, job, model->vocabulary(), model->max_length());
  }
  const auto tokens = load_tokenizer(source)->size();
  require(tokens <= model->vocabulary(), Fault::checkpoint, [&] {
    return where + ": vocab_size is " + std::to_string(model->vocabulary()) + ", but the tokenizer has " +
           std::to_string(tokens) + " tokens";
  });
  return checkpoints.write(job.out, *model, source);
}

}  // namespace touchstone
