#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/micro/common.hpp"

// Charts and questions on them, after ChartQA (arXiv 2203.10244) and PlotQA's families of templates (arXiv 1909.00997).
namespace touchstone::micro {

enum class ChartType : std::uint8_t { bar, horizontal_bar, line, pie, scatter, grouped_bar, stacked_bar };
/// Chart types, by the names of Chart-RVR's vocabulary (arXiv 2510.10973): "bar", "line", "pie", "scatterplot", ...
const char* chart_type_name(ChartType type);

/// A table and how it is drawn.
struct Chart {
  ChartType type = ChartType::bar;
  std::string title;
  std::vector<std::string> labels;       ///< of the x values or slices
  std::vector<std::string> series;       ///< one or two names; a single one is not written
  std::vector<std::vector<int>> values;  ///< [series][label]
  std::uint64_t style = 0;               ///< seed of fonts, colours, grid and legend
};

/// In drawn charts values are multiples of it: a picture of the world's size can show no finer differences.
inline constexpr int drawn_step = 5;

/// The settings for drawing random charts.
struct ChartRange {
  bool new_words = false;   ///< titles and labels that no training text has
  bool new_types = false;   ///< horizontal bars, scatter plots, stacked bars: types that only shifted editions have
  bool bars_alone = false;  ///< upright bars of one series, nothing else
  int labels_first = 3;
  int labels_last = 4;
  int value_first = 2;
  int value_last = 59;
  int value_step = 1;  ///< values are multiples of it; 5 at most, and then no pie of over 5 labels: they exceed 100
};
Chart draw_chart(const ChartRange& range, Draws& draws);

/// The families of questions.
enum class ChartFamily : std::uint8_t { reading, comparing, counting, sums, trend };
const char* chart_family_name(ChartFamily family);

struct ChartQuestion {
  ChartFamily family = ChartFamily::reading;
  std::string text;
  std::string answer;
  std::vector<std::string> steps;  ///< how the answer follows from the table, for rewards of reasoning
};

/// "Question: ...\nAnswer: ...", as the corpus has both.
std::string asked_and_answered(const ChartQuestion& question);

/// The corpus never asks for sums and differences.
inline bool is_new(ChartFamily family) { return family == ChartFamily::sums; }

/// A question on a chart; none when the chart is too small for the family.
std::optional<ChartQuestion> ask_chart(const Chart& chart, ChartFamily family, Draws& draws);

/// Draws a family by its share: reading 40, comparing 30, counting 12, sums 12, trend 6 (only the known ones when
/// `known_only`).
ChartFamily draw_family(bool known_only, Draws& draws);

/// A chart with one question, from the part to which their content belongs.
struct AskedChart {
  Chart chart;
  ChartQuestion question;
};
AskedChart draw_asked_chart(const ChartRange& range, Part part, Draws& draws);

/// Its question and up to `more` others with their answers, from the families of the corpus.
std::string ask_again(const AskedChart& asked, int more, Draws& draws);

/// The same chart with its labels and their values in a random order.
Chart in_any_order(const Chart& chart, Draws& draws);

/// "Chart: title (type)\nlabel | value\n...": the table alone.
std::string chart_table(const Chart& chart);
/// {"columns": [...], "rows": [[...], ...]}, cells as text, as Chart-RVR writes tables.
std::string chart_json(const Chart& chart);

/// Document of the corpus: a table and one to three questions.
std::string charts(Draws& draws);

}  // namespace touchstone::micro
