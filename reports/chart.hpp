#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone::reports {

struct Point {
  double x = 0.0;
  double y = 0.0;
};

/// One axis of a chart. `write` gives the text of a tick.
struct Axis {
  double low = 0.0;
  double high = 1.0;
  std::string label;
  std::function<std::string(double)> write;
  bool logarithmic = false;
  int ticks = 5;  ///< about this many
};

/// Round values inside [low, high], about `wanted` of them.
std::vector<double> round_ticks(double low, double high, int wanted);

/// The axis of changes from -far to far (as shares, written times 100 in `unit`), with as many digits as its ticks
/// need.
Axis change_axis(double far, int ticks, const std::string& unit = "points");

/// Widens [low, high] a little, and to a nonzero width when both are equal.
void pad(Axis& axis, double share = 0.06);

/// The plot area of a chart, in units of its viewBox (about CSS pixels at its natural width).
struct Frame {
  double width = 320;
  double height = 210;
  double left = 46;
  double right = 12;
  double top = 12;
  double bottom = 36;
};

/// A static SVG drawing with two linear or logarithmic axes. All colours come from classes of the style sheet; every
/// mark can carry a <title>, which browsers show as a tooltip and screen readers read.
class Chart {
 public:
  Chart(Frame frame, Axis x, Axis y);
  double x(double value) const;
  double y(double value) const;
  const Frame& frame() const { return frame_; }

  void grid_x();
  void grid_y();
  void line(const std::vector<Point>& points, std::string_view classes, std::string_view title = {});
  void segment(Point from, Point to, std::string_view classes);
  /// One path of many segments; `data` is in units of the viewBox, made with x(), y() and coordinate().
  void path(std::string_view data, std::string_view classes);
  void box(Point low, Point high, std::string_view classes, std::string_view title = {});
  /// Shape 0..5: disc, square, diamond, triangle up, triangle down, cross. `radius` in units of the viewBox.
  void mark(Point at, int shape, double radius, std::string_view classes, std::string_view title = {});
  void text(double x, double y, std::string_view text, std::string_view classes);

  /// The whole <svg>. `id` must be unique in the page; title and description are text.
  std::string svg(std::string_view id, std::string_view title, std::string_view description) const;

 private:
  Frame frame_;
  Axis x_;
  Axis y_;
  std::string body_;
};

/// A coordinate with one digit at most: "12.5", "12".
std::string coordinate(double value);

/// The drawing of shape 0..5 at a point, for charts and their legends.
std::string shape(double x, double y, int kind, double radius, std::string_view classes, std::string_view title = {});

/// At most `limit` of the points: the lowest and the highest of each stretch, and both ends, so that spikes stay.
std::vector<Point> thinned(const std::vector<Point>& points, std::size_t limit);

}  // namespace touchstone::reports
