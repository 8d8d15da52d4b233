#include "trainers/rows/data_set.hpp"

#include <cmath>

#include "harness/model/backend.hpp"

namespace touchstone {

void tell_unspent(Session& session, const std::string& name, double given, double unspent, const std::string& what) {
  session.values["rows_unspent"] = unspent;
  if (unspent <= 0.0 || session.hooks->log == nullptr) return;
  const auto whole = [](double count) { return std::to_string(std::llround(count)); };
  session.hooks->log->warn(needs_data(name) + ": " + whole(unspent) + " of " + whole(given) + " rows " + what + ": " +
                           whole(100.0 * unspent / given) + " % of what they cost is not spent");
}

}  // namespace touchstone
