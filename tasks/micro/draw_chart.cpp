#include "tasks/micro/draw_chart.hpp"

#include <cairo/cairo.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "harness/base/error.hpp"

namespace touchstone::micro {
namespace {

constexpr int tick_steps = 5;

struct Colour {
  double red = 0.0;
  double green = 0.0;
  double blue = 0.0;
};

/// The style of one chart.
struct Style {
  const char* font = "DejaVu Sans";
  std::array<Colour, 7> palette;
  Colour paper{1, 1, 1};
  bool grid = true;
  bool legend_left = false;
  double bar_share = 0.7;  ///< as a share of the room for a label
  bool numbered = false;   ///< each bar and point shows its value, as in most published charts
};

constexpr std::array<std::array<Colour, 7>, 3> palettes = {{
    {{{.12, .47, .71},
      {1.0, .50, .05},
      {.17, .63, .17},
      {.84, .15, .16},
      {.58, .40, .74},
      {.55, .34, .29},
      {.5, .5, .5}}},
    {{{.11, .62, .47},
      {.85, .37, .01},
      {.46, .44, .70},
      {.91, .16, .54},
      {.40, .65, .12},
      {.90, .67, .01},
      {.4, .4, .4}}},
    {{{.00, .27, .40},
      {.90, .32, .25},
      {.35, .70, .90},
      {.95, .77, .20},
      {.30, .55, .30},
      {.60, .30, .55},
      {.6, .6, .6}}},
}};

Style style_of(std::uint64_t seed) {
  Draws draws(seed, "chart style");
  static constexpr std::array<const char*, 3> fonts = {"DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"};
  Style style;
  style.font = pick(fonts, draws);
  style.palette = pick(palettes, draws);
  std::rotate(style.palette.begin(), style.palette.begin() + static_cast<std::ptrdiff_t>(draws.below(4)),
              style.palette.end());
  style.grid = chance(60, draws);
  style.legend_left = chance(50, draws);
  style.bar_share = 0.5 + 0.1 * static_cast<double>(draws.below(4));
  if (chance(30, draws)) style.paper = {.96, .96, .93};
  style.numbered = chance(75, draws);
  return style;
}

/// The plot area between the axes.
struct Frame {
  double left = 0.0;
  double top = 0.0;
  double right = 0.0;
  double bottom = 0.0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

class Canvas {
 public:
  Canvas(const Chart& chart, int width_px, int height_px)
      : chart_(&chart),
        style_(style_of(chart.style)),
        surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width_px, height_px), &cairo_surface_destroy),
        cairo_(cairo_create(surface_.get()), &cairo_destroy),
        width_(width_px),
        height_(height_px),
        font_px_(std::max(7.0, std::min(width_px, height_px) / 14.0)) {
    colour(style_.paper);
    cairo_paint(cairo_.get());
    cairo_select_font_face(cairo_.get(), style_.font, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo_.get(), font_px_);
    for (const auto& values : chart.values) {
      for (const int value : values) largest_ = std::max(largest_, static_cast<double>(value));
    }
    if (chart.type == ChartType::stacked_bar) {
      for (std::size_t i = 0; i < chart.labels.size(); ++i) largest_ = std::max(largest_, total(i));
    }
    end_ = nice_end(largest_, tick_steps);
  }

  Image draw() {
    frame_ = {.left = 3 * font_px_, .top = 1.7 * font_px_, .right = width_ - 4.0, .bottom = height_ - 1.5 * font_px_};
    colour({0, 0, 0});
    text(chart_->title, width_ / 2, 1.1 * font_px_, 0.5);
    if (chart_->series.size() > 1) legend();
    if (style_.numbered && upright_type()) frame_.top += font_px_;  // room for the number above the tallest bar
    if (chart_->type == ChartType::pie) {
      pie();
    } else if (chart_->type == ChartType::horizontal_bar) {
      horizontal();
    } else {
      upright();
    }
    return pixels();
  }

 private:
  bool upright_type() const { return chart_->type != ChartType::pie && chart_->type != ChartType::horizontal_bar; }

  double total(std::size_t label) const {
    double sum = 0;
    for (const auto& values : chart_->values) sum += values[label];
    return sum;
  }

  void colour(const Colour& c) { cairo_set_source_rgb(cairo_.get(), c.red, c.green, c.blue); }

  /// `align`: 0 begins at x, 0.5 is centred there, 1 ends there. Moved aside if the picture would cut it.
  void text(const std::string& words, double x, double y, double align) {
    const double wide = length(words);
    cairo_move_to(cairo_.get(), std::max(0.0, std::min(x - align * wide, width_ - wide)), y);
    cairo_show_text(cairo_.get(), words.c_str());
  }

  void line(double x0, double y0, double x1, double y1) {
    cairo_move_to(cairo_.get(), x0, y0);
    cairo_line_to(cairo_.get(), x1, y1);
    cairo_stroke(cairo_.get());
  }

  void box(double x, double y, double width, double height, const Colour& c) {
    colour(c);
    cairo_rectangle(cairo_.get(), x, y, width, height);
    cairo_fill(cairo_.get());
  }

  double widest_label() {
    double widest = 0;
    for (const auto& label : chart_->labels) widest = std::max(widest, length(label));
    return widest;
  }

  double length(const std::string& words) {
    cairo_text_extents_t size;
    cairo_text_extents(cairo_.get(), words.c_str(), &size);
    return size.x_advance;
  }

  void legend() {
    double all = 0;
    for (const auto& name : chart_->series) all += length(name) + 1.8 * font_px_;
    double x = std::min(style_.legend_left ? frame_.left : width_ / 2, width_ - all);
    const double y = 2.3 * font_px_;
    for (std::size_t i = 0; i < chart_->series.size(); ++i) {
      box(x, y - 0.6 * font_px_, 0.6 * font_px_, 0.6 * font_px_, style_.palette[i]);
      colour({0, 0, 0});
      text(chart_->series[i], x + 0.9 * font_px_, y, 0);
      x += length(chart_->series[i]) + 1.8 * font_px_;
    }
    frame_.top += font_px_;
  }

  /// Grid and numbers of the value axis; at(value) is the position on the axis.
  template <class At>
  void axis(bool upright, const At& at) {
    cairo_set_line_width(cairo_.get(), 1);
    for (int tick = 0; tick <= tick_steps; ++tick) {
      const double value = end_ * tick / tick_steps;
      const auto number = fmt::format("{:g}", value);  // "2.5": a rounded number would be wrong
      const double place = std::round(at(value)) + 0.5;
      if (style_.grid && tick > 0) {
        colour({.8, .8, .8});
        upright ? line(frame_.left, place, frame_.right, place) : line(place, frame_.top, place, frame_.bottom);
      }
      colour({0, 0, 0});
      upright ? text(number, frame_.left - 3, place + 0.35 * font_px_, 1) : text(number, place, height_ - 3, 0.5);
    }
    line(frame_.left + 0.5, frame_.top, frame_.left + 0.5, frame_.bottom);
    line(frame_.left, frame_.bottom + 0.5, frame_.right, frame_.bottom + 0.5);
  }

  /// Labels below the value axis: if they would touch, every other one is a row lower; if that is not enough, smaller.
  template <class Middle>
  void label_row(double room, int rows, const Middle& middle) {
    cairo_set_font_size(cairo_.get(), font_px_ * std::min(1.0, rows * room / (widest_label() + 2)));
    colour({0, 0, 0});
    for (std::size_t i = 0; i < chart_->labels.size(); ++i) {
      text(chart_->labels[i], middle(i), height_ - 3 - (rows > 1 && i % 2 == 0 ? font_px_ : 0), 0.5);
    }
    cairo_set_font_size(cairo_.get(), font_px_);
  }

  void upright() {
    const int rows = widest_label() + 2 > frame_.width() / static_cast<double>(chart_->labels.size()) ? 2 : 1;
    frame_.bottom -= (rows - 1) * font_px_;
    const auto y = [&](double value) { return frame_.bottom - value / end_ * frame_.height(); };
    axis(true, y);
    const auto count = chart_->labels.size();
    const double room = frame_.width() / static_cast<double>(count);
    const auto middle = [&](std::size_t i) { return frame_.left + (static_cast<double>(i) + 0.5) * room; };
    label_row(room, rows, middle);
    if (chart_->type == ChartType::line || chart_->type == ChartType::scatter) {
      for (std::size_t s = 0; s < chart_->values.size(); ++s) points(s, middle, y);
    } else {
      for (std::size_t i = 0; i < count; ++i) bars(i, middle(i), room * style_.bar_share, y);
    }
  }

  /// A value in black above its mark, or in white below the top, inside the mark.
  void number_at(int value, double x, double y, bool below) {
    colour(below ? Colour{1, 1, 1} : Colour{0, 0, 0});
    text(std::to_string(value), x, below ? y + 0.9 * font_px_ : y - 2, 0.5);
  }

  template <class At>
  void bars(std::size_t label, double middle, double width, const At& y) {
    const auto parts = static_cast<double>(chart_->values.size());
    double below = 0;
    for (std::size_t s = 0; s < chart_->values.size(); ++s) {
      const double value = chart_->values[s][label];
      const bool stacked = chart_->type == ChartType::stacked_bar;
      const double one = stacked ? width : width / parts;
      const double left = stacked ? middle - width / 2 : middle - width / 2 + one * static_cast<double>(s);
      box(left, y(below + value), one, y(below) - y(below + value), style_.palette[s]);
      if (style_.numbered) number_at(chart_->values[s][label], left + one / 2, y(below + value), stacked);
      if (stacked) below += value;
    }
  }

  template <class X, class Y>
  void points(std::size_t series, const X& x, const Y& y) {
    const auto& values = chart_->values[series];
    colour(style_.palette[series]);
    cairo_set_line_width(cairo_.get(), 2);
    for (std::size_t i = 0; i < values.size() && chart_->type == ChartType::line; ++i) {
      i == 0 ? cairo_move_to(cairo_.get(), x(i), y(values[i])) : cairo_line_to(cairo_.get(), x(i), y(values[i]));
    }
    cairo_stroke(cairo_.get());
    for (std::size_t i = 0; i < values.size(); ++i) {
      cairo_arc(cairo_.get(), x(i), y(values[i]), font_px_ * 0.35, 0, 2 * std::numbers::pi);
      cairo_fill(cairo_.get());
    }
    for (std::size_t i = 0; i < values.size() && style_.numbered; ++i) {
      number_at(values[i], x(i), y(values[i]) - font_px_ * 0.3, false);
    }
  }

  void horizontal() {
    frame_.left = widest_label() + 6;
    const auto x = [&](double value) { return frame_.left + value / end_ * (frame_.width() - font_px_); };
    axis(false, x);
    const double room = frame_.height() / static_cast<double>(chart_->labels.size());
    for (std::size_t i = 0; i < chart_->labels.size(); ++i) {
      const double middle = frame_.top + (static_cast<double>(i) + 0.5) * room;
      const double thick = room * style_.bar_share;
      box(frame_.left + 1, middle - thick / 2, x(chart_->values[0][i]) - frame_.left - 1, thick, style_.palette[0]);
      colour({0, 0, 0});
      text(chart_->labels[i], frame_.left - 3, middle + 0.35 * font_px_, 1);
      if (style_.numbered) {
        const auto number = std::to_string(chart_->values[0][i]);
        text(number, x(chart_->values[0][i]) + 2, middle + 0.35 * font_px_, 0);
      }
    }
  }

  /// Slices show their share, because nobody can read it from an angle; the labels are written beside them.
  void pie() {
    const double x = width_ / 2, y = (frame_.top + height_) / 2;
    const double radius = std::min(width_ * 0.30, (height_ - frame_.top) / 2 - font_px_);
    double sum = 0;
    for (const int value : chart_->values[0]) sum += value;
    double from = -std::numbers::pi / 2;
    for (std::size_t i = 0; i < chart_->labels.size(); ++i) {
      const double to = from + 2 * std::numbers::pi * chart_->values[0][i] / sum;
      colour(style_.palette[i]);
      cairo_move_to(cairo_.get(), x, y);
      cairo_arc(cairo_.get(), x, y, radius, from, to);
      cairo_close_path(cairo_.get());
      cairo_fill(cairo_.get());
      const double middle = (from + to) / 2;
      colour({1, 1, 1});
      text(std::to_string(chart_->values[0][i]), x + 0.65 * radius * std::cos(middle),
           y + 0.65 * radius * std::sin(middle) + 0.35 * font_px_, 0.5);
      colour({0, 0, 0});
      text(chart_->labels[i], x + 1.1 * radius * std::cos(middle),
           y + 1.15 * radius * std::sin(middle) + 0.35 * font_px_, std::cos(middle) < 0 ? 1 : 0);
      from = to;
    }
  }

  Image pixels() {
    cairo_surface_flush(surface_.get());
    const auto status = cairo_status(cairo_.get());
    require(status == CAIRO_STATUS_SUCCESS, Fault::internal,
            [&] { return std::string("a chart could not be drawn: ") + cairo_status_to_string(status); });
    Image image{.width_px = static_cast<int>(width_), .height_px = static_cast<int>(height_), .rgb = {}};
    image.rgb.reserve(static_cast<std::size_t>(image.width_px) * static_cast<std::size_t>(image.height_px) * 3);
    const auto* data = cairo_image_surface_get_data(surface_.get());
    const int stride = cairo_image_surface_get_stride(surface_.get());
    for (int row = 0; row < image.height_px; ++row) {
      const auto* from = reinterpret_cast<const std::uint32_t*>(data + std::ptrdiff_t{row} * stride);
      for (int column = 0; column < image.width_px; ++column) {
        for (const int shift : {16, 8, 0})
          image.rgb.push_back(static_cast<std::uint8_t>(from[column] >> shift & 0xffU));
      }
    }
    return image;
  }

  const Chart* chart_;
  Style style_;
  std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface_;
  std::unique_ptr<cairo_t, void (*)(cairo_t*)> cairo_;
  double width_;
  double height_;
  double font_px_;
  double largest_ = 0.0;
  double end_ = 1.0;
  Frame frame_;
};

}  // namespace

double nice_end(double largest, int ticks) {
  for (double power = 1e-6;; power *= 10) {
    for (const double nice : {1.0, 2.0, 2.5, 5.0}) {
      if (nice * power * ticks >= largest) return nice * power * ticks;
    }
  }
}

Image draw_chart(const Chart& chart, int width_px, int height_px) {
  bool whole = !chart.labels.empty() && !chart.values.empty() && chart.values.size() == chart.series.size();
  double largest = 0;
  for (const auto& values : chart.values) {
    whole = whole && values.size() == chart.labels.size();
    for (const int value : values) {
      whole = whole && value >= 0;
      largest = std::max(largest, static_cast<double>(value));
    }
  }
  require(whole && largest > 0, Fault::data, [&] {
    return "chart '" + chart.title +
           "': found a table with nothing to draw, expected labels and a value above 0 of each series";
  });
  require(width_px >= 32 && height_px >= 32 && width_px <= 4096 && height_px <= 4096, Fault::data, [&] {
    return "chart '" + chart.title + "': found a size of " + std::to_string(width_px) + " x " +
           std::to_string(height_px) + " pixels, expected 32 to 4096 each way";
  });
  return Canvas(chart, width_px, height_px).draw();
}

}  // namespace touchstone::micro
