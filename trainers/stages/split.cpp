#include <cmath>

#include "harness/base/draws.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

struct SplitOptions {
  std::string data;
  std::string first;
  std::string second;
  std::int64_t rows = 0;
  double share = 0.5;
  double price = 1.0;
};

/// The first part is taken from the front of an order drawn by the seed, the second from its end: they never overlap,
/// and the parts of a larger budget hold those of a smaller one.
void run_split(const SplitOptions& options, Session& session) {
  auto pool = session.data.at(options.data);
  const auto budget = options.rows > 0 ? static_cast<double>(options.rows) : static_cast<double>(pool.size());
  const auto first = static_cast<std::size_t>(std::llround(options.share * budget));
  const auto second =
      static_cast<std::size_t>(std::floor((budget - static_cast<double>(first)) / options.price + 1e-9));
  require(first + second <= pool.size(), Fault::data, [&] {
    return needs_data(options.data) + " has " + std::to_string(pool.size()) + " rows, expected at least " +
           std::to_string(first + second);
  });
  Draws draws(session.job->seed, "split." + options.data);
  shuffle(pool, draws);
  const auto end = static_cast<std::ptrdiff_t>(first);
  session.data[options.first].assign(pool.begin(), pool.begin() + end);
  session.data[options.second].assign(pool.rbegin(), pool.rbegin() + static_cast<std::ptrdiff_t>(second));
  session.values = {{"rows", static_cast<double>(pool.size())},
                    {"rows_first", static_cast<double>(first)},
                    {"rows_second", static_cast<double>(second)}};
  // In rows of the first part. The remainder is less than the price of one row of the second.
  tell_unspent(session, options.data, budget,
               budget - static_cast<double>(first) - static_cast<double>(second) * options.price,
               "of the budget are no whole row of the second part");
}

Stage make_split(Options& options, const TrainerBook&) {
  SplitOptions split;
  split.data = read_on(options);
  split.first = options.text("first", "name of the first part", {.fallback = "first"});
  split.second = options.text("second", "name of the second part", {.fallback = "second"});
  split.rows =
      options.integer("budget", "what both parts may cost, where a row of the first costs 1; 0: the number of rows",
                      {.fallback = 0, .min = 0});
  split.share = options.number("share", "of the budget, for the first part", {.fallback = 0.5, .min = 0.0, .max = 1.0});
  split.price = options.number("price", "cost of a row of the second part", {.fallback = 1.0, .min = 1e-3, .max = 1e6});
  Stage stage;
  stage.needs.push_back(needs_data(split.data));
  stage.gives = {needs_data(split.first), needs_data(split.second)};
  stage.run = [split](Session& session) { run_split(split, session); };
  return stage;
}

}  // namespace

namespace plugins {
void split(TrainerBook& book) {
  book.stages.add("split",
                  {.summary = "draws two parts of a data set by the seed, within a budget", .make = make_split});
}
}  // namespace plugins
}  // namespace touchstone
