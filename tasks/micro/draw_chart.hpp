#pragma once
#include "harness/data/example.hpp"
#include "tasks/micro/chart.hpp"

namespace touchstone::micro {

/// A chart as a picture: title, axes with round numbers, labels, a legend of two series; fonts, colours, grid and
/// place of the legend come from the chart's style. Equal charts give equal pixels on machines with equal fonts. Throws
/// Fault::data for a chart with nothing in it or a value below zero, Fault::internal when cairo fails.
Image draw_chart(const Chart& chart, int width_px, int height_px);

/// The smallest of 1, 2, 2.5 and 5 times a power of ten, times `ticks`, that is not below `largest`: where an axis
/// ends.
double nice_end(double largest, int ticks);

}  // namespace touchstone::micro
