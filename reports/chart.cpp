#include "reports/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone::reports {
namespace {

double place(const Axis& axis, double value) {
  if (axis.logarithmic) {
    return (std::log10(value) - std::log10(axis.low)) / (std::log10(axis.high) - std::log10(axis.low));
  }
  return (value - axis.low) / (axis.high - axis.low);
}

std::string title_element(std::string_view title) {
  return title.empty() ? std::string() : "<title>" + html(title) + "</title>";
}

// A mark without a title closes itself.
std::string element(std::string_view tag, std::string_view attributes, std::string_view title) {
  if (title.empty()) return fmt::format("<{} {}/>", tag, attributes);
  return fmt::format("<{0} {1}>{2}</{0}>", tag, attributes, title_element(title));
}

}  // namespace

std::string coordinate(double value) {
  auto text = fmt::format("{:.1f}", value);
  if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::vector<double> round_ticks(double low, double high, int wanted) {
  std::vector<double> ticks;
  const double rough = (high - low) / std::max(1, wanted);
  if (!(rough > 0) || !std::isfinite(rough)) return {low};
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
  const auto first = static_cast<long>(std::ceil(low / step - 1e-9));
  const auto last = static_cast<long>(std::floor(high / step + 1e-9));
  for (long at = first; at <= last; ++at) ticks.push_back(static_cast<double>(at) * step);
  return ticks;
}

Axis change_axis(double far, int ticks, const std::string& unit) {
  const auto places = round_ticks(-far, far, ticks);
  const double step = places.size() > 1 ? (places[1] - places[0]) * 100 : 1.0;
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
  return {.low = -far,
          .high = far,
          .label = "change in " + unit,
          .write = [digits](double value) { return signed_fixed(value * 100, digits); },
          .logarithmic = false,
          .ticks = ticks};
}

void pad(Axis& axis, double share) {
  if (axis.logarithmic) {
    axis.low /= 1 + share * 3;
    axis.high *= 1 + share * 3;
    return;
  }
  double room = (axis.high - axis.low) * share;
  if (!(room > 0)) room = std::max(1e-9, std::fabs(axis.high) * 0.1);
  axis.low -= room;
  axis.high += room;
}

Chart::Chart(Frame frame, Axis x, Axis y) : frame_(frame), x_(std::move(x)), y_(std::move(y)) {}

double Chart::x(double value) const {
  return frame_.left + place(x_, value) * (frame_.width - frame_.left - frame_.right);
}

double Chart::y(double value) const {
  return frame_.height - frame_.bottom - place(y_, value) * (frame_.height - frame_.top - frame_.bottom);
}

void Chart::grid_x() {
  const double bottom = frame_.height - frame_.bottom;
  std::string path;
  for (const double tick : round_ticks(x_.low, x_.high, x_.ticks)) {
    path += "M" + coordinate(x(tick)) + " " + coordinate(frame_.top) + "V" + coordinate(bottom);
    if (x_.write) text(x(tick), bottom + 14, x_.write(tick), "m");
  }
  body_ += "<path class=\"gr\" d=\"" + path + "\"/>";
  if (!x_.label.empty()) text((frame_.left + frame_.width - frame_.right) / 2, frame_.height - 4, x_.label, "m");
}

void Chart::grid_y() {
  std::string path;
  for (const double tick : round_ticks(y_.low, y_.high, y_.ticks)) {
    path += "M" + coordinate(frame_.left) + " " + coordinate(y(tick)) + "H" + coordinate(frame_.width - frame_.right);
    if (y_.write) text(frame_.left - 6, y(tick) + 4, y_.write(tick), "e");
  }
  body_ += "<path class=\"gr\" d=\"" + path + "\"/>";
  if (!y_.label.empty()) text(0, 8, y_.label, "");
}

void Chart::line(const std::vector<Point>& points, std::string_view classes, std::string_view title) {
  std::string path;
  for (const auto& point : points) {
    path += path.empty() ? 'M' : 'L';
    path += coordinate(x(point.x)) + " " + coordinate(y(point.y));
  }
  if (!path.empty()) body_ += element("path", fmt::format("class=\"ln {}\" d=\"{}\"", classes, path), title);
}

void Chart::path(std::string_view data, std::string_view classes) {
  if (!data.empty()) body_ += fmt::format("<path class=\"{}\" d=\"{}\"/>", classes, data);
}

void Chart::segment(Point from, Point to, std::string_view classes) {
  body_ += fmt::format("<path class=\"{}\" d=\"M{} {}L{} {}\"/>", classes, coordinate(x(from.x)), coordinate(y(from.y)),
                       coordinate(x(to.x)), coordinate(y(to.y)));
}

void Chart::box(Point low, Point high, std::string_view classes, std::string_view title) {
  const double left = x(low.x);
  const double top = y(high.y);
  body_ += element("rect",
                   fmt::format("class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", classes, coordinate(left),
                               coordinate(top), coordinate(std::max(0.0, x(high.x) - left)),
                               coordinate(std::max(0.0, y(low.y) - top))),
                   title);
}

void Chart::mark(Point at, int kind, double radius, std::string_view classes, std::string_view title) {
  body_ += shape(x(at.x), y(at.y), kind, radius, classes, title);
}

void Chart::text(double at_x, double at_y, std::string_view words, std::string_view classes) {
  const std::string attribute = classes.empty() ? "" : fmt::format(" class=\"{}\"", classes);
  body_ +=
      fmt::format("<text{} x=\"{}\" y=\"{}\">{}</text>", attribute, coordinate(at_x), coordinate(at_y), html(words));
}

std::string Chart::svg(std::string_view id, std::string_view title, std::string_view description) const {
  return fmt::format(
      "<svg role=\"img\" aria-labelledby=\"{0}-t {0}-d\" viewBox=\"0 0 {1} {2}\"><title id=\"{0}-t\">{3}</title><desc "
      "id=\"{0}-d\">{4}</desc>{5}</svg>\n",
      id, coordinate(frame_.width), coordinate(frame_.height), html(title), html(description), body_);
}

std::string shape(double x, double y, int kind, double r, std::string_view classes, std::string_view title) {
  const auto at = [&](double dx, double dy) { return coordinate(x + dx) + " " + coordinate(y + dy); };
  if (kind == 0) {
    return element(
        "circle",
        fmt::format("class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"", classes, coordinate(x), coordinate(y), coordinate(r)),
        title);
  }
  std::string path;
  switch (kind) {
    case 1:
      path = "M" + at(-r, -r) + "L" + at(r, -r) + "L" + at(r, r) + "L" + at(-r, r) + "Z";
      break;
    case 2:
      path = "M" + at(0, -1.3 * r) + "L" + at(1.3 * r, 0) + "L" + at(0, 1.3 * r) + "L" + at(-1.3 * r, 0) + "Z";
      break;
    case 3:
      path = "M" + at(0, -1.2 * r) + "L" + at(1.1 * r, 0.9 * r) + "L" + at(-1.1 * r, 0.9 * r) + "Z";
      break;
    case 4:
      path = "M" + at(0, 1.2 * r) + "L" + at(1.1 * r, -0.9 * r) + "L" + at(-1.1 * r, -0.9 * r) + "Z";
      break;
    default:
      path = "M" + at(-r, -r) + "L" + at(r, r) + "M" + at(-r, r) + "L" + at(r, -r);
      break;
  }
  return element("path", fmt::format("class=\"{}\" d=\"{}\"", classes, path), title);
}

std::vector<Point> thinned(const std::vector<Point>& points, std::size_t limit) {
  if (points.size() <= limit || limit < 4) return points;
  std::vector<Point> kept = {points.front()};
  const std::size_t stretches = (limit - 2) / 2;
  const std::size_t inner = points.size() - 2;
  for (std::size_t s = 0; s < stretches; ++s) {
    const std::size_t first = 1 + inner * s / stretches;
    const std::size_t last = 1 + inner * (s + 1) / stretches;
    std::size_t low = first;
    std::size_t high = first;
    for (std::size_t i = first; i < last; ++i) {
      if (points[i].y < points[low].y) low = i;
      if (points[i].y > points[high].y) high = i;
    }
    kept.push_back(points[std::min(low, high)]);
    if (low != high) kept.push_back(points[std::max(low, high)]);
  }
  kept.push_back(points.back());
  return kept;
}

}  // namespace touchstone::reports
