#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/data/record.hpp"

namespace touchstone {

/// Format of the lines of made_text(). Files of another format are made again.
inline constexpr int made_format = 2;

/// What one stage of a job made, with the origin of every record of it.
struct MadeFile {
  int stage = 0;
  std::string name;                      ///< the stage's
  std::string key;                       ///< JSON object: everything that decides the records
  std::map<std::string, double> values;  ///< what the stage reported about itself
  std::vector<Record> records;
  /// JSON object for each stage that wrote some of the answers (Answer::made_by): stage, name, model, seed and
  /// how the tokens were drawn.
  std::map<int, std::string> origins;
};

/// As JSON lines, for people and for made_from_text. The first says what was made and of what ("key"); then a line a
/// record: parent (the id of the row that it was made of), task, prompt, hashes of its media (of all but pictures also
/// what they are), and the answers with their origin ("data", or the stage that wrote them, its model, seed,
/// temperature and stop texts), the tokens as they were drawn, whether the token limit cut them, log-probability under
/// that model, reward, spans, reference log-probabilities and the stage's notes. The last line holds the SHA-256 of all
/// lines before it.
std::string made_text(const MadeFile& made);

/// The way back. Prompts, media and examples are those of the parents in `source`. A text with another key than
/// `key` gives what its first line says, and no records; one of another format has the key {"format": N}. Throws
/// Fault::data naming `where` when the text is cut or changed, or a parent is not there.
MadeFile made_from_text(std::string_view text, const std::string& where, const std::string& key,
                        std::span<const Record> source);

/// A file of made records, as a job's result and the results database list it.
struct RecordFile {
  int stage = 0;
  std::string name;  ///< the stage's
  std::string file;  ///< "1-sample.jsonl.gz"
  std::int64_t rows = 0;
  std::int64_t answers = 0;  ///< in these rows
  std::int64_t written = 0;  ///< how many of these this stage wrote
  std::int64_t bytes = 0;    ///< unpacked
  std::string sha256;        ///< of the unpacked text
};

/// Facts about made records and their text, known once they are written.
RecordFile record_file(const MadeFile& made, std::string_view text);

/// "1-sample.jsonl.gz".
std::string record_file_name(int stage, const std::string& name);

/// The folder where a job keeps the records its stages made: beside its output folder, "OUT.records".
std::filesystem::path records_folder(const std::filesystem::path& out);

/// Removes the files that jobs left in such a folder, except those of `kept`. Removes the folder if it is then empty.
void remove_record_files(const std::filesystem::path& folder, std::span<const RecordFile> kept);

/// The largest size of a file of made records, unpacked.
inline constexpr std::uint64_t record_bytes = std::uint64_t{4} << 30;

/// SHA-256 over everything of records that a stage may read, media included, and the origins of their answers.
std::string records_hash(std::span<const Record> records, const std::map<int, std::string>& origins);

}  // namespace touchstone
