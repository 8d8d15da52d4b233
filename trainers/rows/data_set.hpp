#pragma once
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/train/session.hpp"

namespace touchstone {

/// A data set in the words of Stage::needs and Stage::gives: "data set 'data'".
inline std::string needs_data(const std::string& name) { return "data set '" + name + "'"; }

/// The option "on" of stages that read or change a data set.
inline std::string read_on(Options& options, const std::string& help = "name of the data set") {
  return options.text("on", help, {.fallback = "data"});
}

/// Keeps the records of a data set for which `keep` is true; it may change each. The number left is reported as "rows",
/// the number removed under `dropped`. Throws Fault::data with the data set and `nothing` where none of some is left.
template <class Keep>
void keep_if(Session& session, const std::string& name, const Keep& keep, const char* dropped,
             const std::string& nothing) {
  auto& data = session.data.at(name);
  const auto before = data.size();
  std::erase_if(data, [&](Record& record) { return !keep(record); });
  session.values["rows"] = static_cast<double>(data.size());
  session.values[dropped] = static_cast<double>(before - data.size());
  require(!data.empty() || before == 0, Fault::data, [&] { return needs_data(name) + ": " + nothing; });
}

/// Reports as "rows_unspent" how many given rows a stage did not use, of a budget at which methods are compared, and
/// logs it: "data set 'pairs': 173 of 512 rows give no pair ...".
void tell_unspent(Session& session, const std::string& name, double given, double unspent, const std::string& what);

}  // namespace touchstone
