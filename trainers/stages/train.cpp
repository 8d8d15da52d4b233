#include "harness/base/seed.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/train_loop.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/row_options.hpp"

namespace touchstone {
namespace {

void read_data_options(Options& options, TrainOptions& train) {
  train.data = read_on(options);
  train.validation = options.text("validation", "name of a data set to watch the loss on", {.fallback = ""});
  train.validation_share = options.number("validation_share", "share of the rows set aside when no validation is named",
                                          {.fallback = 0.0, .min = 0.0, .max = 0.5});
  train.eval_steps = options.integer("eval_steps", "optimizer steps between validations; 0: at each epoch's end",
                                     {.fallback = 0, .min = 0});
  train.rows = read_row_options(options);
}

void read_step_options(Options& options, StepSettings& steps) {
  steps.epochs =
      options.number("num_train_epochs", "times that each row is seen", {.fallback = 3.0, .min = 1e-6, .max = 1e6});
  steps.max_steps = options.integer("max_steps", "optimizer steps, in place of epochs; -1: by epochs",
                                    {.fallback = -1, .min = -1, .max = 100000000});
  require(steps.max_steps != 0, Fault::config,
          [&] { return options.where() + ": key 'max_steps': found 0, expected -1 (by epochs) or at least 1"; });
  steps.batch_size = options.integer("per_device_train_batch_size",
                                     "rows (bins, with packing) of a forward pass; rows of one item count as one",
                                     {.fallback = 8, .min = 1, .max = 1 << 20});
  steps.batch_tokens = options.integer("batch_tokens", "when above 0, a forward pass takes rows up to this many tokens",
                                       {.fallback = 0, .min = 0, .max = 1 << 30});
  steps.accumulation = options.integer("gradient_accumulation_steps", "forward passes of an optimizer step",
                                       {.fallback = 1, .min = 1, .max = 1 << 20});
  steps.shuffle = options.flag("shuffle_dataset", "a new order of the rows in each epoch, by the seed", true);
  steps.pad = !options.flag("padding_free",
                            "rows lie end to end in a forward pass; false: all are padded to the longest, which costs "
                            "time and changes no loss",
                            true);
  steps.pack = options.flag("packing", "several rows in one bin; no row sees another", false);
  steps.wrap = options.text("packing_strategy",
                            "bfd: best fit decreasing; wrapped: all rows end to end, cut every packing_length tokens, "
                            "so that a row may be cut and sees those before it",
                            {.fallback = "bfd", .choices = {"bfd", "wrapped"}}) == "wrapped";
  steps.pack_tokens =
      options.integer("packing_length", "tokens of a bin; 0: max_length", {.fallback = 0, .min = 0, .max = 1 << 30});
}

void read_loss_options(Options& options, TrainOptions& train, const TrainerBook& book) {
  auto objective = options.child("objective", "the loss: a name, or {\"use\": NAME, ...} with its options");
  if (!options.describing()) train.objective = make_use(std::move(objective), book.objectives, book);
  const auto name = options.text("loss_normaliser", "what the loss of an optimizer step is divided by",
                                 {.fallback = "token_mean", .choices = normaliser_names()});
  for (std::size_t i = 0; i < normaliser_names().size(); ++i) {
    if (normaliser_names()[i] == name) train.normaliser = static_cast<Normaliser>(i);
  }
  train.constant_length = options.number("constant_length", "tokens a sequence counts for, with normaliser constant",
                                         {.fallback = 0.0, .min = 0.0, .max = 1e9});
  const bool complete = train.normaliser != Normaliser::constant || train.constant_length > 0.0;
  require(complete || options.describing(), Fault::config, [&] {
    return options.where() +
           ": key 'constant_length': found none above 0, expected one, which loss_normaliser constant needs";
  });
  require(!std::holds_alternative<RolloutLoss>(train.objective), Fault::config, [&] {
    return options.where() +
           ": key 'objective': found one for answers that the model writes, expected one for given answers (the stage "
           "'reinforce' takes the other kind)";
  });
  const bool plain = train.normaliser == Normaliser::token_mean;
  require(plain || !std::holds_alternative<AnswerLoss>(train.objective), Fault::config, [&] {
    return options.where() + ": key 'loss_normaliser': found " + name +
           ", expected token_mean: an objective over whole answers is a mean over records";
  });
  require(plain || !std::holds_alternative<ModelLoss>(train.objective), Fault::config, [&] {
    return options.where() + ": key 'loss_normaliser': found " + name +
           ", expected token_mean: an objective over a model's inside says itself what it is a mean over";
  });
}

Stage make_train(Options& options, const TrainerBook& book) {
  TrainOptions train;
  read_data_options(options, train);
  read_loss_options(options, train, book);
  train.optimizer = read_optimizer_options(options);
  train.language_rate_factor = options.number(
      "language_learning_rate_factor", "factor of the learning rate in the language part (in all of a text model)",
      {.fallback = 1.0, .min = 0.0, .max = 1000.0});
  train.trained_modules =
      options.texts("trained_modules", "endings of the names of trained modules, such as q_proj; all others are frozen",
                    std::vector<std::string>{"all"});
  read_step_options(options, train.steps);
  train.keep_every_steps = options.integer(
      "keep_every_steps",
      "steps between checkpoints that are kept whole in WORK/kept, for a plan's \"choose\"; 0: none. Not of adapters",
      {.fallback = 0, .min = 0, .max = 1 << 30});
  const auto needs = needs_of(train.objective);
  require(!train.steps.pack || !train.steps.wrap || !needs.ref_logp, Fault::config, [&] {
    return options.where() +
           ": key 'packing_strategy': found wrapped, expected bfd: the objective needs the stage 'reference'";
  });
  const bool several = std::holds_alternative<AnswerLoss>(train.objective);
  require(!train.steps.pad || !(train.steps.pack || several), Fault::config, [&] {
    return options.where() +
           ": key 'padding_free': found false, expected true with packing and with an objective over " +
           "several answers, whose rows are never padded";
  });
  Stage stage;
  stage.needs.push_back(needs_data(train.data));
  if (!train.validation.empty()) stage.needs.push_back(needs_data(train.validation));
  for (const auto& name : needs.frozen) stage.needs.push_back("frozen model '" + name + "'");
  if (needs.ref_logp) {
    stage.needs.push_back(reference_of(train.data));
    if (!train.validation.empty()) stage.needs.push_back(reference_of(train.validation));
  }
  stage.run = [train](Session& session) {
    auto chosen = train;
    // Seeded by the data's name, not the stage's number: methods that are compared see the same order.
    chosen.steps.seed = derive_seed(session.job->seed, "train." + train.data);
    TrainLoop(session, std::move(chosen)).run();
  };
  return stage;
}

}  // namespace

namespace plugins {
void train(TrainerBook& book) {
  book.stages.add("train", {.summary = "AdamW on an objective over one data set", .make = make_train});
}
}  // namespace plugins
}  // namespace touchstone
