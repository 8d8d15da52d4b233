#include "harness/model/soft_prompt.hpp"

#include <algorithm>
#include <span>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// A cache that counts only tokens; the model's own cache also counts the prompt's rows. A row that holds no token yet
/// may hold the prompt.
class PromptedCache final : public Cache {
 public:
  PromptedCache(std::unique_ptr<Cache> inner, std::int64_t prompt) : inner_(std::move(inner)), prompt_(prompt) {}

  int rows() const override { return inner_->rows(); }
  std::int64_t length(int row) const override { return std::max<std::int64_t>(inner_->length(row) - prompt_, 0); }
  std::int64_t entries(int row) const override { return std::max<std::int64_t>(inner_->entries(row) - prompt_, 0); }
  Tensor positions(int, int) const override { refuse(); }
  Tensor keys(int, int) const override { refuse(); }
  void retain(int, const std::vector<Tensor>&) override { refuse(); }
  void truncate(int row, std::int64_t length) override { inner_->truncate(row, inner_length(row, length)); }
  int fork(int row, std::int64_t length) override { return inner_->fork(row, inner_length(row, length)); }
  void keep(const std::vector<int>& rows) override { inner_->keep(rows); }

  bool begun(int row) const { return inner_->length(row) > 0; }
  Cache& inner() { return *inner_; }

 private:
  [[noreturn]] static void refuse() {
    throw Error(Fault::config,
                "the procedure drops entries of the cache, which a model with a soft prompt does not allow");
  }
  std::int64_t inner_length(int row, std::int64_t length) const { return begun(row) ? length + prompt_ : length; }

  std::unique_ptr<Cache> inner_;
  std::int64_t prompt_;
};

/// The tokens of a call with room for the prompt, and where the tokens have moved.
struct Widened {
  std::vector<std::int64_t> prompt_at{};  ///< places of prompt rows, one prompt after another
  std::vector<std::int64_t> place_of{};   ///< of each token before
  Inputs inputs{};
};

class PromptedModel final : public Model {
 public:
  PromptedModel(std::unique_ptr<Model> inner, Tensor prompt) : inner_(std::move(inner)), prompt_(std::move(prompt)) {}

  Outputs forward(const Inputs& inputs, const Want& want, Cache* cache) override {
    require(want.attention_layers.empty() && want.qkv_layers.empty(), Fault::config,
            "the objective looks at attention, which a model with a soft prompt does not show");
    auto* const prompted = dynamic_cast<PromptedCache*>(cache);
    require(cache == nullptr || prompted != nullptr, Fault::internal, "a cache of another model");
    auto wide = widened(inputs, prompted);
    const auto device = inputs.tokens.device();
    const auto places = at::tensor(wide.place_of, at::kLong).to(device);
    const auto moved = [&](const Tensor& at) { return at.defined() ? places.index_select(0, at) : places; };
    add_rows(inputs, places, wide);
    Want asked = want;
    if (want.logits) asked.logits_at = moved(want.logits_at);
    if (want.hidden || !want.exits.empty()) asked.hidden_at = moved(want.hidden_at);
    auto outputs = inner_->forward(wide.inputs, asked, prompted == nullptr ? nullptr : &prompted->inner());
    for (auto& layer : outputs.hidden_layers) layer = layer.index_select(0, places);
    return outputs;
  }

  std::unique_ptr<Cache> make_cache(int rows, int depth) const override {
    return std::make_unique<PromptedCache>(inner_->make_cache(rows, depth), prompt_.size(0));
  }
  std::unique_ptr<Model> clone() const override {
    return std::make_unique<PromptedModel>(inner_->clone(), prompt_.detach().clone());
  }
  Tensor soft_prompt() const override { return prompt_; }
  int max_length() const override { return inner_->max_length() - static_cast<int>(prompt_.size(0)); }

  Tensor encode(MediaKind kind, const Tensor& pieces) override { return inner_->encode(kind, pieces); }
  std::int64_t soft_tokens(MediaKind kind, std::int64_t size) const override { return inner_->soft_tokens(kind, size); }
  Model& language() override { return inner_->language(); }
  std::map<std::string, Tensor*> parameters() override { return inner_->parameters(); }
  std::map<std::string, Linear*> linears() override { return inner_->linears(); }
  Tensor embeddings(const Tensor& tokens) const override { return inner_->embeddings(tokens); }
  const Linear& head() const override { return inner_->head(); }
  Tensor project(const Tensor& hidden) const override { return inner_->project(hidden); }
  std::int64_t product_weights() override { return inner_->product_weights(); }
  int layers() const override { return inner_->layers(); }
  void drop_layers(int first, int count) override { inner_->drop_layers(first, count); }
  std::int64_t hidden_size() const override { return inner_->hidden_size(); }
  std::int64_t vocabulary() const override { return inner_->vocabulary(); }
  std::int64_t cache_bytes_per_token(int depth) const override { return inner_->cache_bytes_per_token(depth); }
  std::string config_json() const override { return inner_->config_json(); }
  std::string kernels(const Want& want) const override { return inner_->kernels(want); }

  Tensor* prompt() { return &prompt_; }
  std::unique_ptr<Model> take_inner() { return std::move(inner_); }

 private:
  /// Documents that begin in this call get the prompt's places before their tokens; where documents share tokens, all
  /// share one prompt.
  Widened widened(const Inputs& inputs, const PromptedCache* cache) const {
    const auto length = prompt_.size(0);
    const auto tokens = inputs.tokens.to(at::kCPU).contiguous();
    const std::span all(tokens.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(tokens.numel()));
    Widened wide;
    std::vector<std::int64_t> written;
    const auto write_prompt = [&] {
      for (std::int64_t at = 0; at < length; ++at) {
        wide.prompt_at.push_back(static_cast<std::int64_t>(written.size()));
        written.push_back(0);  // any token: its row is replaced
      }
    };
    const auto write = [&](std::int64_t from, std::int64_t to) {
      for (auto at = from; at < to; ++at) {
        wide.place_of.push_back(static_cast<std::int64_t>(written.size()));
        written.push_back(all[static_cast<std::size_t>(at)]);
      }
    };
    const bool shares = inputs.layout.defined();
    auto starts = inputs.starts;
    if (starts.size() == 1) starts.push_back(shares ? inputs.layout.size(0) : inputs.tokens.size(0));
    wide.inputs.starts = {0};
    if (shares) {
      write_prompt();
      write(0, tokens.numel());
      share_prompt(inputs, starts, wide);
    } else {
      for (std::size_t row = 0; row + 1 < starts.size(); ++row) {
        const bool begins = starts[row] < starts[row + 1] && !(cache != nullptr && cache->begun(static_cast<int>(row)));
        if (begins) write_prompt();
        write(starts[row], starts[row + 1]);
        wide.inputs.starts.push_back(static_cast<std::int64_t>(written.size()));
      }
    }
    wide.inputs.tokens = at::tensor(written, at::kLong).to(inputs.tokens.device());
    return wide;
  }

  void share_prompt(const Inputs& inputs, const std::vector<std::int64_t>& starts, Widened& wide) const {
    const auto places = inputs.layout.to(at::kCPU).contiguous();
    const auto* const all = places.const_data_ptr<std::int64_t>();
    std::vector<std::int64_t> layout;
    for (std::size_t row = 0; row + 1 < starts.size(); ++row) {
      if (starts[row] < starts[row + 1]) layout.insert(layout.end(), wide.prompt_at.begin(), wide.prompt_at.end());
      for (auto at = starts[row]; at < starts[row + 1]; ++at) layout.push_back(all[at] + prompt_.size(0));
      wide.inputs.starts.push_back(static_cast<std::int64_t>(layout.size()));
    }
    wide.inputs.layout = at::tensor(layout, at::kLong).to(inputs.layout.device());
  }

  /// The soft rows: those of the call, then the prompt's, repeated as often as it occurs.
  void add_rows(const Inputs& inputs, const Tensor& places, Widened& wide) const {
    std::vector<Tensor> rows;
    std::vector<Tensor> at;
    if (inputs.soft.defined()) {
      rows.push_back(inputs.soft.to(at::kFloat));
      at.push_back(places.index_select(0, inputs.soft_at));
    }
    const auto times = static_cast<std::int64_t>(wide.prompt_at.size()) / prompt_.size(0);
    if (times > 0) {
      rows.push_back(prompt_.to(at::kFloat).repeat({times, 1}));
      at.push_back(at::tensor(wide.prompt_at, at::kLong).to(places.device()));
    }
    if (rows.empty()) return;
    wide.inputs.soft = at::cat(rows);
    wide.inputs.soft_at = at::cat(at);
  }

  std::unique_ptr<Model> inner_;
  Tensor prompt_;  ///< [P, D]
};

}  // namespace

std::unique_ptr<Model> with_soft_prompt(std::unique_ptr<Model> model, Tensor prompt) {
  require(!model->soft_prompt().defined(), Fault::config,
          "the model has a soft prompt already, expected a model without one");
  require(prompt.dim() == 2 && prompt.size(0) > 0 && prompt.size(1) == model->hidden_size(), Fault::config, [&] {
    return "a soft prompt has shape " + c10::str(prompt.sizes()) + ", expected rows of the model's hidden size, " +
           std::to_string(model->hidden_size());
  });
  require(prompt.size(0) < model->max_length(), Fault::config, [&] {
    return "a soft prompt has " + std::to_string(prompt.size(0)) + " rows, expected fewer than the model's length, " +
           std::to_string(model->max_length());
  });
  return std::make_unique<PromptedModel>(std::move(model), std::move(prompt));
}

std::unique_ptr<Model> without_soft_prompt(std::unique_ptr<Model> model) {
  auto* const prompted = dynamic_cast<PromptedModel*>(model.get());
  return prompted == nullptr ? std::move(model) : prompted->take_inner();
}

Tensor* soft_prompt_of(Model& model) {
  auto* const prompted = dynamic_cast<PromptedModel*>(&model);
  return prompted == nullptr ? nullptr : prompted->prompt();
}

}  // namespace touchstone
