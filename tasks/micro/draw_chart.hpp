#pragma once
#include "harness/data/example.hpp"
#include "tasks/micro/chart.hpp"

namespace touchstone::micro {

/// A chart as a picture: title, axes with round numbers, labels, a legend of two series; fonts, colours, grid and
/// place of the legend come from the chart's style. Equal charts give equal pixels on machines with equal fonts. Throws
/// Fault::data for a chart with nothing in it or a value below zero, Fault::internal when cairo fails.
Image draw_chart(const Chart& chart, int width_px, int height_px);

/// "Sketch:\nlabel | 7\n...": how far each value of a drawn chart reaches, in whole tenths of the axis or of the pie, 9
/// at most. What can be seen without reading a figure.
std::string chart_sketch(const Chart& chart);

/// "Outline:\n . #\n # #\n...": ten rows from the top of the value axis down, a column for each value in the picture's
/// order, "#" where it reaches so high. A picture in the signs of mazes, of marks that stand side by side: not of a pie.
std::string chart_outline(const Chart& chart);

/// The smallest of 1, 2, 2.5 and 5 times a power of ten, times `ticks`, that is not below `largest`: where an axis
/// ends.
double nice_end(double largest, int ticks);

}  // namespace touchstone::micro
