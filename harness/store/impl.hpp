#pragma once
// Internal to the store.
#include <string>

#include "harness/store/connection.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

struct Store::Impl {
  Connection connection;
};

/// An absolute path's last part, anything else as it is: a database that is passed on must not tell the layout of
/// somebody's disk.
std::string portable_name(const std::string& path);

}  // namespace touchstone
