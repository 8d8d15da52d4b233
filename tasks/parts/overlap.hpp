#pragma once
#include <string>
#include <string_view>

namespace touchstone {

/// BLEU in [0, 100] of one sentence against one reference, as in sacrebleu's corpus_bleu with tokenizer "intl",
/// 4-grams, exponential smoothing and no effective order. Source: Papineni et al. 2002; Post, arXiv 1804.08771.
double sentence_bleu(std::string_view output, std::string_view reference);

/// F-measures in [0, 100], as in google's rouge_score without stemming. Source: Lin 2004.
struct Rouge {
  double rouge1 = 0.0;
  double rouge2 = 0.0;
  double rouge_lsum = 0.0;  ///< union of longest common subsequences over sentences (lines)
};
Rouge rouge(std::string_view output, std::string_view reference);

}  // namespace touchstone
