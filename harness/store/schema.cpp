#include "harness/store/schema.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>

#include "harness/base/error.hpp"
#include "harness/store/assets.hpp"

namespace touchstone {
namespace {

const std::array<Migration, 6> all_steps{{{1, assets::version_1_sql},
                                          {2, assets::version_2_sql},
                                          {3, assets::version_3_sql},
                                          {4, assets::version_4_sql},
                                          {5, assets::version_5_sql},
                                          {6, assets::version_6_sql}}};

int pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(std::string("PRAGMA ") + name).getInt();
}

}  // namespace

std::span<const Migration> migrations() { return all_steps; }

int schema_version(SQLite::Database& database, std::span<const Migration> steps, const std::string& file) {
  const int version = pragma(database, "user_version");
  const int owner = pragma(database, "application_id");
  const int tables = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt();
  if (owner == 0 && version == 0 && tables == 0) return 0;
  require(owner == application_id, Fault::store, [&] {
    return file + ": is a SQLite database of another program (application_id " + std::to_string(owner) + ", " +
           std::to_string(tables) + " tables and indices), expected one of touchstone (application_id " +
           std::to_string(application_id) + ")";
  });
  const int newest = steps.back().version;
  require(version <= newest, Fault::store, [&] {
    return file + ": found schema version " + std::to_string(version) + " of a newer touchstone, expected at most " +
           std::to_string(newest) + "; nothing was changed";
  });
  return version;
}

void migrate(SQLite::Database& database, std::span<const Migration> steps, const std::string& file) {
  if (schema_version(database, steps, file) == steps.back().version) return;
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  const int version = schema_version(database, steps, file);  // another process may have been faster
  for (const auto& step : steps) {
    if (step.version > version) database.exec(step.sql);
  }
  database.exec("PRAGMA application_id = " + std::to_string(application_id));
  database.exec("PRAGMA user_version = " + std::to_string(steps.back().version));
  transaction.commit();
}

void check_schema(SQLite::Database& database, std::span<const Migration> steps, const std::string& file) {
  const int version = schema_version(database, steps, file);
  const int newest = steps.back().version;
  require(version == newest, Fault::store, [&] {
    return version == 0
               ? file + ": is an empty database, expected one with results"
               : file + ": found schema version " + std::to_string(version) + ", expected " + std::to_string(newest) +
                     "; `touchstone run` or `eval` with this file brings it up to date";
  });
}

}  // namespace touchstone
