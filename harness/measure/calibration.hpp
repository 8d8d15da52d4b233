#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace touchstone {

/// One bin of a reliability diagram.
struct ReliabilityBin {
  double low = 0.0;
  double high = 0.0;
  std::int64_t items = 0;
  double confidence = 0.0;  ///< mean of the bin
  double accuracy = 0.0;
};

/// Calibration of (confidence, correct) pairs.
struct Calibration {
  std::int64_t items = 0;
  double ece = 0.0;             ///< equal width, 10 bins: sum_b n_b/n |confidence_b - accuracy_b|
  double ece_equal_mass = 0.0;  ///< bins of equal count
  double mce = 0.0;             ///< the largest gap
  double brier =
      0.0;  ///< multiple choice: sum_k (p_k - 1[k = gold])^2, mean over items; otherwise (confidence - correct)^2
  double nll = 0.0;  ///< mean of -log p[gold]; of the binary event where there are no choices
  double auroc =
      0.0;  ///< of confidence as a detector of correctness, ties count half; nan when all are right or all wrong
  double confidence = 0.0;  ///< mean
  double accuracy = 0.0;
  double selective_accuracy_10 = 0.0;  ///< among the most confident tenth
  double risk_coverage_area = 0.0;     ///< area under risk against coverage
  std::vector<ReliabilityBin> bins;
};

struct CalibrationItem {
  double confidence = 0.0;  ///< in [0, 1]
  bool correct = false;
  std::span<const double> choice_probability;  ///< may be empty
  int gold = -1;
};

Calibration calibration(std::span<const CalibrationItem> items, int bins = 10);

/// The temperature T > 0 that minimises the negative log-likelihood of softmax(logp / T) on `items`.
double fit_temperature(std::span<const std::vector<double>> choice_logp, std::span<const int> gold);

}  // namespace touchstone
