#include "harness/measure/selfcheck.hpp"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "harness/measure/calibration.hpp"
#include "harness/measure/looks.hpp"
#include "harness/measure/seed_mean.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone {
namespace {

constexpr double not_of_this_row = std::numeric_limits<double>::quiet_NaN();
constexpr double low_coverage = 0.93;
constexpr double high_coverage = 0.97;
constexpr double high_level = 0.055;
constexpr double stated = 0.80;
constexpr double power_band = 0.05;
constexpr double low_power_of_looks = 0.90;  ///< of plans that add seeds, at a true difference of 2 points or more
constexpr double negligible_change = negligible_points / 100.0;
constexpr int family = 5;  ///< tests that are corrected together in rows on power

/// Uniform and standard normal draws.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : bits_(seed) {}
  double uniform() { return (static_cast<double>(bits_.u64() >> 11U) + 0.5) * 0x1.0p-53; }
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  Resampler bits_;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

/// What many rounds of one row found.
struct Tally {
  double rounds = 0.0;
  double covered = 0.0;
  double shown = 0.0;
  double half_width = 0.0;
  double squares = 0.0;  ///< of estimate - truth

  void add(double estimate, const Interval& interval, double p_value, double truth) {
    rounds += 1.0;
    covered += interval.low <= truth && truth <= interval.high ? 1.0 : 0.0;
    shown += p_value < 0.05 ? 1.0 : 0.0;
    half_width += 0.5 * (interval.high - interval.low);
    squares += (estimate - truth) * (estimate - truth);
  }
  void add(const Tally& other) {
    rounds += other.rounds;
    covered += other.covered;
    shown += other.shown;
    half_width += other.half_width;
    squares += other.squares;
  }
};

/// Runs `round` for numbers 0 to rounds - 1, each with draws of its own, and adds up what they found.
template <class Found = Tally, class Round>
Found simulated(const SelfcheckSettings& settings, int rounds, std::uint64_t row, const Round& round) {
  std::vector<Found> all(static_cast<std::size_t>(rounds));
  tbb::parallel_for(0, rounds, [&](int number) {
    if (settings.cancel != nullptr) settings.cancel->check();
    Draw draw(splitmix64_mix(settings.seed + (row << 32U) + static_cast<std::uint64_t>(number)));
    round(draw, all[static_cast<std::size_t>(number)]);
  });
  Found sum;
  for (const auto& one : all) sum.add(one);
  return sum;
}

/// 2.6 standard errors of a simulated share: one row in a hundred leaves its band by chance.
double simulation_error(double share, double rounds) { return 2.6 * std::sqrt(share * (1.0 - share) / rounds); }

struct Bands {
  bool coverage = true;
  bool too_wide = true;  ///< whether a coverage above the band counts
  bool level = false;
};

SelfcheckRow row_of(std::string kind, std::string setting, const Tally& tally, const Bands& bands) {
  SelfcheckRow row;
  row.kind = std::move(kind);
  row.setting = std::move(setting);
  row.power = row.seeds = not_of_this_row;
  row.coverage = bands.coverage ? tally.covered / tally.rounds : not_of_this_row;
  row.level = bands.level ? tally.shown / tally.rounds : not_of_this_row;
  row.half_width = 100.0 * tally.half_width / tally.rounds;
  row.ideal = 100.0 * normal_quantile(0.975) * std::sqrt(tally.squares / tally.rounds);
  row.holds = true;
  if (bands.coverage) {
    row.holds = row.coverage >= low_coverage - simulation_error(low_coverage, tally.rounds);
    if (bands.too_wide)
      row.holds = row.holds && row.coverage <= high_coverage + simulation_error(high_coverage, tally.rounds);
  }
  if (bands.level) row.holds = row.holds && row.level <= high_level + simulation_error(high_level, tally.rounds);
  return row;
}

SelfcheckRow power_row(std::string setting, double power, double rounds) {
  SelfcheckRow row;
  row.kind = "smallest effect";
  row.setting = std::move(setting);
  row.coverage = row.level = row.half_width = row.ideal = row.seeds = not_of_this_row;
  row.power = power;
  row.holds = std::fabs(power - stated) <= power_band + simulation_error(stated, rounds);
  return row;
}

/// Right-or-wrong items before and after, of which the given shares change.
struct SimulatedAnswers {
  std::vector<double> before;
  std::vector<double> after;
};

SimulatedAnswers simulated_answers(Draw& draw, int items, double lost, double gained) {
  SimulatedAnswers out;
  for (int at = 0; at < items; ++at) {
    const double place = draw.uniform();
    const bool loses = place < lost;
    const bool gains = !loses && place < lost + gained;
    const bool right = loses || (!gains && draw.uniform() < 0.5);
    out.before.push_back(right ? 1.0 : 0.0);
    out.after.push_back(loses ? 0.0 : gains ? 1.0 : out.before.back());
  }
  return out;
}

void add_single(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  for (const int items : {20, 100, 500, 2000}) {
    for (const double changed : {0.03, 0.1, 0.3}) {
      for (const double difference : {0.0, 0.03}) {
        const double lost = (changed - difference) / 2.0;
        const auto tally = simulated(settings, settings.rounds, rows.size(), [&](Draw& draw, Tally& found) {
          const auto both = simulated_answers(draw, items, lost, changed - lost);
          const auto result = paired(both.before, both.after);
          found.add(result.difference, result.interval, result.p_value, difference);
        });
        // Few changes are few possible outcomes: intervals that hold at least 95 % of them then hold more.
        rows.push_back(row_of(
            "one seed", fmt::format("{} items, {:.0f} % change, true {:.0f}", items, 100 * changed, 100 * difference),
            tally, {.too_wide = items * changed >= 10, .level = difference == 0.0}));
      }
    }
  }
}

void add_clusters(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  for (const int clusters : {5, 10, 20, 50}) {
    for (const bool unequal : {false, true}) {
      const auto tally = simulated(settings, settings.rounds, rows.size(), [&](Draw& draw, Tally& found) {
        std::vector<double> change;
        std::vector<std::uint64_t> units;
        for (int cluster = 0; cluster < clusters; ++cluster) {
          const double size = unequal ? 8.0 * std::exp(0.7 * draw.normal()) : 10.0;
          const double common = 0.2 * draw.normal();
          for (int item = 0; item < std::max(1, static_cast<int>(size)); ++item) {
            change.push_back(common + 0.3 * draw.normal());
            units.push_back(static_cast<std::uint64_t>(cluster));
          }
        }
        const auto result = paired(std::vector<double>(change.size(), 0.0), change, {units, {}}, false);
        found.add(result.difference, result.interval, result.p_value, 0.0);
      });
      rows.push_back(row_of("clusters", fmt::format("{} clusters of {} sizes", clusters, unequal ? "unequal" : "equal"),
                            tally, {.too_wide = clusters > 5, .level = true}));
    }
  }
}

/// Methods with several seeds each: right-or-wrong answers of a latent normal model.
struct Layout {
  int seeds = 0;
  int items = 0;
  double seed_sd = 0.0;     ///< points; of the difference between the methods
  double shared = 0.0;      ///< the part of what makes the methods differ on an item that their seeds share
  bool fresh = false;       ///< other items for every seed
  double difference = 0.0;  ///< of the second method, in the latent model's units
  bool one_arm = false;     ///< a plan's comparisons are all with one method; else each is of two methods of its own
};

constexpr double method_variance = 0.3;  ///< of a method's own effect on items, beside 1 of the items' difficulty
const double latent_sd = std::sqrt(1.0 + method_variance);

/// Methods that answer the same questions, each compared with one more, which they share.
std::vector<SeedValues> with_one_method(const Layout& layout, int comparisons, Draw& draw) {
  const double own = std::sqrt(method_variance * (1.0 - layout.shared));
  const double common = std::sqrt(method_variance * layout.shared);
  // A shift of the latent score moves the share right by the normal density at 0 times shift / sd.
  const double density = 1.0 / std::sqrt(2.0 * std::numbers::pi);
  const double shift_sd = layout.seed_sd / 100.0 * latent_sd / density / std::numbers::sqrt2;
  const auto n = static_cast<std::size_t>(layout.items);
  const auto others = static_cast<std::size_t>(comparisons);
  std::vector<std::vector<double>> scores(others + 1, std::vector<double>(n));  // the shared method's first
  const auto draw_items = [&] {
    for (std::size_t at = 0; at < n; ++at) {
      const double difficulty = draw.normal();
      for (std::size_t method = 0; method <= others; ++method) {
        scores[method][at] = difficulty + common * draw.normal() + (method == 0 ? 0.0 : layout.difference);
      }
    }
  };
  draw_items();
  std::vector<SeedValues> all(others);
  std::vector<std::vector<double>> changes(others, std::vector<double>(n));
  std::vector<std::uint64_t> units(n);
  std::vector<double> shifts(others + 1);
  for (int seed = 0; seed < layout.seeds; ++seed) {
    if (layout.fresh && seed > 0) draw_items();
    for (auto& shift : shifts) shift = shift_sd * draw.normal();
    for (std::size_t at = 0; at < n; ++at) {
      const auto right = [&](std::size_t method) {
        return scores[method][at] + own * draw.normal() + shifts[method] > 0.0 ? 1.0 : 0.0;
      };
      const double before = right(0);
      for (std::size_t other = 0; other < others; ++other) changes[other][at] = right(other + 1) - before;
      units[at] = at + (layout.fresh ? n * static_cast<std::size_t>(seed) : 0);
    }
    const double without_change = 1.0 / (static_cast<double>(n) + 2.0);
    for (std::size_t other = 0; other < others; ++other) {
      all[other].push_back(item_mean(changes[other], {units, {}}, without_change * without_change));
    }
  }
  return all;
}

/// The comparisons of one plan. Of methods of their own only the first has the layout's difference, unless
/// `all_differ`.
std::vector<SeedValues> plan_seeds(const Layout& layout, int comparisons, bool all_differ, Draw& draw) {
  if (layout.one_arm) return with_one_method(layout, comparisons, draw);
  std::vector<SeedValues> all;
  for (int at = 0; at < comparisons; ++at) {
    auto one = layout;
    if (at > 0 && !all_differ) one.difference = 0.0;
    all.push_back(with_one_method(one, 1, draw).front());
  }
  return all;
}

/// What a plan pools of the variance between seeds, for a difference of two methods.
SeedVariance plan_variance(const Layout& layout, const std::vector<SeedValues>& all,
                           const std::vector<SeedSpread>& spreads) {
  if (!layout.one_arm) return pooled_variance(spreads);
  std::vector<ArmSeeds> arms{{SeedValues(all.front().size())}};  // the shared method against itself
  for (const auto& seeds : all) arms.push_back({seeds});
  auto variance = variance_of_arms(arms);
  variance.between *= 2.0;
  variance.own_items *= 2.0;
  return variance;
}

/// The shift of the latent score that moves the share right from 1/2 by `difference`: to cdf(shift / sd).
double shift_for(double difference) { return latent_sd * normal_quantile(0.5 + difference); }

/// The methods of one plan, whose variance between seeds is pooled.
std::vector<SeedMean> plan(const Layout& layout, int comparisons, Draw& draw) {
  const auto all = plan_seeds(layout, comparisons, false, draw);
  std::vector<SeedSpread> spreads;
  for (const auto& seeds : all) spreads.push_back(seed_spread(seeds));
  const auto variance = plan_variance(layout, all, spreads);
  std::vector<SeedMean> means;
  for (const auto& spread : spreads) means.push_back(over_seeds(spread, variance));
  return means;
}

void add_seeds(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  constexpr int comparisons = 8;
  for (const int seeds : {2, 3, 5, 10}) {
    for (const int items : {100, 500, 2000}) {
      for (const double sd : {0.0, 1.0, 3.0}) {
        for (const double shared : {0.2, 0.7}) {
          const Layout layout{seeds, items, sd, shared, items == 500 && shared == 0.2 && sd == 1.0};
          const int plans = std::max(1, settings.rounds / comparisons / (items == 2000 ? 4 : 1));
          const auto tally = simulated(settings, plans, rows.size(), [&](Draw& draw, Tally& found) {
            for (const auto& mean : plan(layout, comparisons, draw))
              found.add(mean.mean, mean.interval, mean.p_value, 0.0);
          });
          rows.push_back(row_of("several seeds",
                                fmt::format("{} seeds, {} {}items, seeds' sd {:.0f}, {:.0f} % shared", seeds, items,
                                            layout.fresh ? "fresh " : "", sd, 100 * shared),
                                tally, {}));
        }
      }
    }
  }
}

/// Plans that compare several methods with one of them.
void add_seeds_of_one_arm(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  constexpr int comparisons = 4;
  for (const int seeds : {2, 3, 5}) {
    for (const bool fresh : {false, true}) {
      const Layout layout{seeds, 250, 3.0, 0.2, fresh, 0.0, true};
      const int plans = std::max(1, settings.rounds / comparisons);
      const auto tally = simulated(settings, plans, rows.size(), [&](Draw& draw, Tally& found) {
        for (const auto& mean : plan(layout, comparisons, draw)) found.add(mean.mean, mean.interval, mean.p_value, 0.0);
      });
      rows.push_back(row_of("several seeds",
                            fmt::format("{} seeds, 250 {}items, seeds' sd 3, {} methods against one", seeds,
                                        fresh ? "fresh " : "", comparisons),
                            tally, {.level = true}));
    }
  }
}

void add_power_of_items(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  for (const int items : {100, 500, 2000}) {
    for (const double changed : {0.1, 0.3}) {
      const double effect = detectable_change(changed, items, 0.05 / family);
      const double share = std::max(changed, effect);
      const auto tally = simulated(settings, settings.rounds, rows.size(), [&](Draw& draw, Tally& found) {
        std::vector<double> p_values;
        for (int test = 0; test < family; ++test) {
          const double difference = test == 0 ? effect : 0.0;
          const double all = test == 0 ? share : changed;
          const auto both = simulated_answers(draw, items, (all - difference) / 2.0, (all + difference) / 2.0);
          p_values.push_back(paired(both.before, both.after).p_value);
        }
        found.rounds += 1.0;
        found.shown += holm(p_values).front() < 0.05 ? 1.0 : 0.0;
      });
      rows.push_back(
          power_row(fmt::format("one seed, {} items, {:.0f} % change, Holm over {}", items, 100 * changed, family),
                    tally.shown / tally.rounds, tally.rounds));
    }
  }
}

void add_power_of_seeds(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  for (const int seeds : {2, 3, 5, 10}) {
    Layout layout{seeds, 250, 2.0, 0.2};
    // What plans without a difference say that they could have shown, on average.
    double effect = 0.0;
    constexpr int pilots = 200;
    Draw pilot(splitmix64_mix(settings.seed + 77));
    for (int at = 0; at < pilots; ++at) {
      const auto mean = plan(layout, family, pilot).front();
      effect += detectable_difference(mean.stderror, mean.degrees, 0.05 / family) / pilots;
    }
    layout.difference = shift_for(effect);
    const int plans = std::max(1, settings.rounds / 2);
    const auto tally = simulated(settings, plans, rows.size(), [&](Draw& draw, Tally& found) {
      std::vector<double> p_values;
      for (const auto& mean : plan(layout, family, draw)) p_values.push_back(mean.p_value);
      found.rounds += 1.0;
      found.shown += holm(p_values).front() < 0.05 ? 1.0 : 0.0;
    });
    rows.push_back(power_row(
        fmt::format("{} seeds, 250 items, seeds' sd 2, Holm over {}: {:.1f} points", seeds, family, 100 * effect),
        tally.shown / tally.rounds, tally.rounds));
  }
}

/// What became of comparisons whose seeds were added until they were decided.
struct Decided {
  double comparisons = 0.0;
  double shown = 0.0;
  double same = 0.0;  ///< no difference of 2 points
  double seeds = 0.0;

  void add(const Decided& other) {
    comparisons += other.comparisons;
    shown += other.shown;
    same += other.same;
    seeds += other.seeds;
  }
};

/// The comparisons of one plan, all with the same true difference, each followed to the look that decides it.
Decided followed(const Layout& layout, int comparisons, Draw& draw) {
  const auto all = plan_seeds(layout, comparisons, true, draw);
  Decided sum;
  std::vector<bool> decided(all.size(), false);
  const auto looks = sequential_looks(all.size());
  for (const auto& look : looks) {
    std::vector<SeedValues> until;
    std::vector<SeedSpread> spreads;
    for (const auto& seeds : all) {
      until.emplace_back(seeds.begin(), seeds.begin() + static_cast<std::ptrdiff_t>(look.seeds));
      spreads.push_back(seed_spread(until.back()));
    }
    const auto variance = plan_variance(layout, until, spreads);
    const bool last = look.seeds == looks.back().seeds;
    for (std::size_t at = 0; at < all.size(); ++at) {
      if (decided[at]) continue;
      const auto interval = over_seeds(spreads[at], variance, look.alpha).interval;
      const bool shown = interval.low > 0.0 || interval.high < 0.0;
      const bool same = interval.low > -negligible_change && interval.high < negligible_change;
      if (!shown && !same && !last) continue;
      decided[at] = true;
      sum.comparisons += 1.0;
      sum.shown += shown ? 1.0 : 0.0;
      sum.same += same && !shown ? 1.0 : 0.0;
      sum.seeds += static_cast<double>(look.seeds);
    }
    if (std::all_of(decided.begin(), decided.end(), [](bool one) { return one; })) break;
  }
  return sum;
}

struct SequentialCase {
  const char* name = "";
  Layout layout;
  int comparisons = 4;
  double difference = 0.0;
};

void add_until_decided(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  const Layout fresh{20, 1000, 1.5, 0.3, true};
  const Layout few{20, 250, 1.5, 0.3, false};
  auto against_one = fresh;
  against_one.one_arm = true;
  const SequentialCase cases[] = {
      {"1000 fresh items, 4 pooled", fresh, 4, 0.0},  {"1000 fresh items, alone", fresh, 1, 0.0},
      {"250 shared items, 4 pooled", few, 4, 0.0},    {"1000 fresh items, 4 against one", against_one, 4, 0.0},
      {"1000 fresh items, 4 pooled", fresh, 4, 0.02}, {"1000 fresh items, 4 pooled", fresh, 4, 0.03}};
  for (auto one : cases) {
    one.layout.difference = shift_for(one.difference);
    const int plans = std::max(1, settings.rounds / one.comparisons / 2);
    const auto sum = simulated<Decided>(settings, plans, rows.size(), [&](Draw& draw, Decided& found) {
      found = followed(one.layout, one.comparisons, draw);
    });
    SelfcheckRow row;
    row.kind = "until decided";
    row.setting = fmt::format("{}, true {:.0f}", one.name, 100.0 * one.difference);
    row.coverage = row.half_width = row.ideal = not_of_this_row;
    row.power = one.difference > 0.0 ? sum.shown / sum.comparisons : not_of_this_row;
    row.level = (one.difference > 0.0 ? sum.same : sum.shown) / sum.comparisons;
    row.seeds = sum.seeds / sum.comparisons;
    row.holds = row.level <= high_level + simulation_error(high_level, sum.comparisons);
    if (one.difference > 0.0) {
      row.holds = row.holds && row.power >= low_power_of_looks - simulation_error(low_power_of_looks, sum.comparisons);
    }
    rows.push_back(std::move(row));
  }
}

/// How sure a model is, before and after: of `before_shift` and `after_shift` too sure.
struct CalibrationCase {
  const char* name = "";
  double before_shift = 0.0;
  double after_shift = 0.0;
};

CalibrationChange simulated_calibration(const CalibrationCase& one, int items, Draw& draw) {
  std::vector<CalibrationItem> before;
  std::vector<CalibrationItem> after;
  for (int at = 0; at < items; ++at) {
    const double truth = 0.3 + 0.5 * draw.uniform();
    for (auto* both : {&before, &after}) {
      const double shift = both == &before ? one.before_shift : one.after_shift;
      both->push_back(
          {.confidence = truth + shift, .correct = draw.uniform() < truth, .choice_probability = {}, .gold = -1});
    }
  }
  return calibration_change(before, after);
}

void add_calibration(const SelfcheckSettings& settings, std::vector<SelfcheckRow>& rows) {
  constexpr CalibrationCase cases[] = {{"calibrated, both", 0.0, 0.0},
                                       {"too sure by 0.1, both", 0.1, 0.1},
                                       {"calibrated, then too sure by 0.1", 0.0, 0.1}};
  for (const int items : {100, 500, 2000}) {
    for (const auto& one : cases) {
      for (const bool squared : {false, true}) {
        const double truth = squared ? one.after_shift * one.after_shift - one.before_shift * one.before_shift
                                     : one.after_shift - one.before_shift;
        const auto tally = simulated(settings, settings.rounds, rows.size(), [&](Draw& draw, Tally& found) {
          const auto change = simulated_calibration(one, items, draw);
          const auto mean = over_seeds(seed_spread(SeedValues{squared ? change.squared_error : change.gap}), {});
          found.add(mean.mean, mean.interval, mean.p_value, truth);
        });
        rows.push_back(row_of(squared ? "squared calibration error" : "over-confidence",
                              fmt::format("{} items, {}", items, one.name), tally,
                              {.too_wide = !(squared && one.after_shift == 0.0), .level = truth == 0.0}));
      }
    }
  }
}

}  // namespace

std::vector<SelfcheckRow> selfcheck_statistics(const SelfcheckSettings& settings) {
  std::vector<SelfcheckRow> rows;
  add_single(settings, rows);
  add_clusters(settings, rows);
  add_seeds(settings, rows);
  add_seeds_of_one_arm(settings, rows);
  add_calibration(settings, rows);
  add_until_decided(settings, rows);
  add_power_of_items(settings, rows);
  add_power_of_seeds(settings, rows);
  return rows;
}

std::string selfcheck_bands() {
  return fmt::format(
      "95 % intervals hold the true difference in {:.0f} to {:.0f} % (more where fewer than ten items are expected to "
      "change, of five clusters, or of the squared error of calibrated models); at no difference p is below 0.05 in at "
      "most {:.1f} %, and a plan that adds seeds "
      "until it is decided is wrong in no more and shows a difference of {:g} points in at least {:.0f} %; the stated "
      "smallest effect is shown in {:.0f} to {:.0f} %",
      100 * low_coverage, 100 * high_coverage, 100 * high_level, negligible_points, 100 * low_power_of_looks,
      100 * (stated - power_band), 100 * (stated + power_band));
}

}  // namespace touchstone
