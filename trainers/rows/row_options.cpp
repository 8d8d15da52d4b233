#include "trainers/rows/row_options.hpp"

#include <algorithm>

namespace touchstone {

RowSettings read_row_options(Options& options) {
  RowSettings rows;
  rows.max_length = options.integer("max_length", "tokens of a row, at most; 0: as long as the model allows",
                                    {.fallback = 0, .min = 0});
  rows.keep_end = options.text("truncation_mode", "which end of a row that is too long is kept",
                               {.fallback = "keep_start", .choices = {"keep_start", "keep_end"}}) == "keep_end";
  rows.append_eos =
      options.flag("append_eos", "without chat template: train the end-of-text token behind each answer", true);
  rows.whole_turn =
      options.text("end_of_turn",
                   "with chat template, what is trained behind an answer: token: up to the control token that ends the "
                   "turn, where decoding stops; template: all that the template writes, as the line break behind it",
                   {.fallback = "token", .choices = {"token", "template"}}) == "template";
  return rows;
}

std::int64_t row_limit(const RowSettings& settings, std::int64_t model_length) {
  return settings.max_length > 0 ? std::min(settings.max_length, model_length) : model_length;
}

std::string reference_of(const std::string& data) { return "reference log-probabilities of data set '" + data + "'"; }

}  // namespace touchstone
