#pragma once
// Internal to the store.
#include <string>

#include "harness/store/connection.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

struct Store::Impl {
  Connection connection;
};

/// The last part of an absolute path; anything else unchanged. A database that is passed on must not tell the layout of
/// the author's disk.
std::string portable_name(const std::string& path);

}  // namespace touchstone
