#pragma once

namespace touchstone {

/// The probability that at least one of k programs, drawn without replacement from `samples` of which `passed` pass,
/// passes: 1 - C(samples - passed, k) / C(samples, k). Computed in the reference's way, so that the last digit agrees.
/// In [0, 1]. Source: Evaluating Large Language Models Trained on Code, arXiv 2107.03374, equation 1 and figure 3.
double pass_at(int samples, int passed, int k);

}  // namespace touchstone
