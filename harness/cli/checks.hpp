#pragma once
// Values of command-line options. Every option that is not free text has one of these as its check. CLI11's own
// checks name neither the value found nor, for a number that cannot be read, the value expected.
#include <CLI/Validators.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace touchstone {

/// "--shots: found '1.5', expected a whole number in [-1, 1000]"; a `max` that comes only from the type is not shown.
CLI::Validator whole_number(std::int64_t min, std::uint64_t max);
CLI::Validator number(double min, double max);
/// A seed: any number of 64 bits.
CLI::Validator seed_number();
CLI::Validator true_or_false();
CLI::Validator one_of(std::vector<std::string> choices);

}  // namespace touchstone
