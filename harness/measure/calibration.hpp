#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/measure/item_mean.hpp"

namespace touchstone {

/// One bin of a reliability diagram: [low, high); the last one includes its upper end.
struct ReliabilityBin {
  double low = 0.0;
  double high = 0.0;
  std::int64_t items = 0;
  double confidence = 0.0;  ///< mean of the bin; 0 when it is empty
  double accuracy = 0.0;    ///< share right; 0 when it is empty
};

/// Calibration of (confidence, correct) pairs. Where items have equal confidence, a value that depends on the order
/// by confidence is the mean over all orders of these items; only `ece_equal_mass` keeps document order.
struct Calibration {
  std::int64_t items = 0;
  double ece = 0.0;  ///< equal width: sum_b n_b/n |confidence_b - accuracy_b|, b = min(floor(confidence * B), B - 1)
  double ece_equal_mass = 0.0;  ///< bins by confidence whose sizes differ by at most one, the larger ones first
  double mce = 0.0;             ///< the largest gap of an equal-width bin
  double brier =
      0.0;  ///< multiple choice: sum_k (p_k - 1[k = gold])^2, mean over items; otherwise (confidence - correct)^2
  double nll = 0.0;  ///< mean of -log p[gold], of the event "correct" where there are no choices; p at least 1e-15
  double auroc =
      0.0;  ///< of confidence as a detector of correctness, ties count half; nan when all are right or all wrong
  double confidence = 0.0;  ///< mean
  double accuracy = 0.0;
  double selective_accuracy_10 = 0.0;  ///< among the most confident tenth (rounded up)
  double risk_coverage_area =
      0.0;  ///< mean over k of the share wrong among the k most confident (AURC, arXiv 1805.08206)
  std::vector<ReliabilityBin> bins;
};

struct CalibrationItem {
  double confidence = 0.0;  ///< in [0, 1]
  bool correct = false;
  std::span<const double> choice_probability;  ///< may be empty
  int gold = -1;                               ///< index into choice_probability; -1: unknown, or more than one
};

/// All zero, without bins, when there are no items. Throws Fault::data for a confidence outside [0, 1].
Calibration calibration(std::span<const CalibrationItem> items, int bins = 10);

/// Calibration before and after on the same items. Differences are after - before.
struct CalibrationChange {
  std::int64_t items = 0;
  /// A description alone: ECE is biased upwards, more so the fewer the items, and so is the ECE of every resample
  /// (Kumar, Liang and Ma, arXiv 1909.10155), so that neither an interval nor a test of it would hold.
  double ece = 0.0;
  /// Of the signed gap, mean(confidence - right): positive is more over-confident. A paired mean, like a score.
  ItemMean gap;
  ItemMean brier;  ///< of the Brier score; positive is worse
  /// Of the squared calibration error, debiased: sum_b n_b/n (mean of confidence - right in bin b)^2, over ten bins of
  /// equal count (fewer below 100 items), where each square is estimated without bias by the mean product of two
  /// different items (Kumar, Liang and Ma, arXiv 1909.10155, section 4; Sun et al., arXiv 2408.08998). Positive is
  /// worse. Its parts are those of the linear term with the variance of the quadratic one in them, so that the error
  /// also holds for a calibrated model. Dependent items make the estimate itself too large.
  ItemMean squared_error;
};

/// `units` may be empty. Throws Fault::data when the lengths differ.
CalibrationChange calibration_change(std::span<const CalibrationItem> before, std::span<const CalibrationItem> after,
                                     const ItemUnits& units = {}, int bins = 10);

/// The temperature T > 0, within [1e-3, 1e3], that minimises the negative log-likelihood of softmax(logp / T) on
/// `items`. Source: Guo et al., On Calibration of Modern Neural Networks, arXiv 1706.04599, section 4.2.
double fit_temperature(std::span<const std::vector<double>> choice_logp, std::span<const int> gold);

}  // namespace touchstone
