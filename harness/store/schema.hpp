#pragma once
#include <span>
#include <string>

namespace SQLite {
class Database;
}

namespace touchstone {

/// One step of the schema. `sql` may hold several statements; they run inside the transaction of migrate().
struct Migration {
  int version = 0;  ///< user_version afterwards
  const char* sql = "";
};

/// "tchs" in ASCII: marks the files that are ours (PRAGMA application_id).
inline constexpr int application_id = 0x74636873;

/// Every step from an empty file to the current schema, versions 1, 2, ... without a gap.
std::span<const Migration> migrations();

/// The schema version of a database that is ours; 0 for an empty one. Throws Fault::store for another program's
/// database or one of a newer version, and changes nothing.
int schema_version(SQLite::Database& database, std::span<const Migration> steps, const std::string& file);

/// Brings an empty database, or one of an older version, to the last of `steps` in one IMMEDIATE transaction. After a
/// crash the file is entirely in the old version or entirely in the new one. Several processes may call it at once; one
/// does it. Throws Fault::store for another program's database or one of a newer version. `file` names it in messages.
void migrate(SQLite::Database& database, std::span<const Migration> steps, const std::string& file);

/// The same checks, without changing anything. Throws also when the file has an older version or none.
void check_schema(SQLite::Database& database, std::span<const Migration> steps, const std::string& file);

}  // namespace touchstone
