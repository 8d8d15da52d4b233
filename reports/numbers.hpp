#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/data/task.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone::reports {

// Numbers for people: the same on every machine whatever its locale, with a true minus sign, and "–" for nan and
// infinity.

std::string fixed(double value, int digits);
std::string signed_fixed(double value, int digits);

/// A value of a metric in its unit: "43.2" for 0.432 in points, "0.315" for bits a byte.
std::string points(double value, const MetricUnit& unit = {});
/// A change with its sign: "+3.1".
std::string change_points(double value, const MetricUnit& unit = {});
/// "[+1.9, +4.3]", or without signs.
std::string interval_points(const Interval& interval, bool with_sign, const MetricUnit& unit = {});

/// "0.002", "≤ 0.001", never "0.000".
std::string p_value(double p);
/// "14,042"
std::string count(std::int64_t value);
/// "1.2 GiB"
std::string bytes(std::int64_t value);
/// "3 min 20 s"
std::string duration(double seconds);
/// "2e-05", "0.0001": three significant digits at most.
std::string significant(double value, int digits = 3);
/// The first twelve digits of a hash.
std::string short_hash(std::string_view hash);
/// The shortest text that reads back as the same number, for programs; empty for nan and infinity.
std::string exact(double value);
/// Six significant digits, for a cell that also shows the number rounded; empty for nan and infinity.
std::string brief(double value);
/// "1 item", "2 items"
std::string counted(std::int64_t value, std::string_view singular);

}  // namespace touchstone::reports
