#include "harness/base/draws.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

Stage make_shuffle(Options& options, const TrainerBook&) {
  const auto name = read_on(options);
  Stage stage;
  stage.needs.push_back(needs_data(name));
  stage.run = [name](Session& session) {
    Draws draws(session.job->seed, "shuffle." + name);
    shuffle(session.data.at(name), draws);
  };
  return stage;
}

}  // namespace

namespace plugins {
void shuffle(TrainerBook& book) {
  book.stages.add("shuffle", {.summary = "puts a data set in an order drawn by the seed", .make = make_shuffle});
}
}  // namespace plugins
}  // namespace touchstone
