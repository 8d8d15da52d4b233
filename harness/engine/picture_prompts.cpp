#include "harness/engine/picture_prompts.hpp"

#include <algorithm>
#include <atomic>

#include "harness/base/error.hpp"
#include "harness/engine/workers.hpp"
#include "harness/model/ops.hpp"
#include "harness/pictures/picture.hpp"

namespace touchstone {

bool takes_pictures(const Family& family, const std::filesystem::path& folder) {
  return family.media.count(MediaKind::picture) != 0 && (std::filesystem::exists(folder / "preprocessor_config.json") ||
                                                         std::filesystem::exists(folder / "processor_config.json"));
}

std::optional<PictureReader> read_picture_reader(const Family& family, const std::filesystem::path& folder,
                                                 const Tokenizer& tokenizer) {
  if (!takes_pictures(family, folder)) return std::nullopt;
  const auto& written = family.media.at(MediaKind::picture);
  const auto& mark = written.mark;
  const auto id = tokenizer.id_of(mark);
  require(id.has_value(), Fault::checkpoint, [&] {
    return folder.string() + "/tokenizer.json: has no token '" + mark + "', which stands for pictures in prompts";
  });
  return PictureReader{.rules = read_picture_rules(folder), .mark = mark, .placeholder = *id, .text = written.write};
}

std::string expand_pictures(const PictureReader& reader, const std::string& context,
                            std::span<const PictureGrid> pictures, std::int64_t tokens) {
  const std::string mark = picture_placeholder;
  std::string text;
  std::size_t from = 0;
  std::size_t used = 0;
  for (auto at = context.find(mark); at != std::string::npos; at = context.find(mark, from)) {
    text += context.substr(from, at - from);
    if (used < pictures.size()) text += reader.text(pictures[used].rows, pictures[used].columns, tokens);
    ++used;
    from = at + mark.size();
  }
  require(used == pictures.size(), Fault::data, [&] {
    return "a prompt has " + std::to_string(pictures.size()) + " pictures and " + std::to_string(used) + " places " +
           mark + " for them, expected one for each";
  });
  return text + context.substr(from);
}

Tensor picture_tiles(const PictureRules& rules, std::span<const Image* const> images) {
  std::vector<Tensor> all;
  for (const auto* image : images) {
    const auto tiles = process_picture(*image, rules);
    // from_blob takes no constant memory; the clone below only reads it.
    auto* values = const_cast<float*>(tiles.values.data());
    all.push_back(at::from_blob(values, {tiles.count, 3, tiles.side_px, tiles.side_px}, at::kFloat).clone());
  }
  return at::cat(all);
}

PictureBook::PictureBook(Model& model, const PictureReader& reader, const std::vector<const Image*>& images,
                         int threads, const CancelFlag* cancel)
    : reader_(&reader), rows_{.rows = {}, .placeholder = reader.placeholder} {
  std::vector<std::pair<const Image*, Seen*>> work;
  for (const auto* image : images) {
    const auto fresh = seen_.try_emplace(picture_hash(*image));
    if (fresh.second) work.emplace_back(image, &fresh.first->second);
  }
  std::atomic<std::size_t> next{0};
  run_workers(
      std::min<std::size_t>(static_cast<std::size_t>(std::max(threads, 1)), std::max<std::size_t>(work.size(), 1)),
      [&](std::size_t) {
        const at::NoGradGuard no_gradients;
        for (auto at = next++; at < work.size(); at = next++) {
          if (cancel != nullptr) cancel->check();
          const auto& image = *work[at].first;
          const auto tiles = picture_tiles(reader.rules, {&work[at].first, 1});
          const auto grid = picture_grid(image.width_px, image.height_px, reader.rules);
          auto& seen = *work[at].second;
          seen.soft = model.encode(MediaKind::picture, tiles);
          seen.rows = grid.rows;
          seen.columns = grid.columns;
          seen.tiles = tiles.size(0);
        }
      });
  std::vector<Tensor> all;
  std::int64_t count = 0;
  for (auto& [hash, seen] : seen_) {
    seen.first = count;
    count += seen.soft.size(0);
    all.push_back(seen.soft);
    // The table holds the pixels from now on; only the sizes are still needed.
  }
  if (all.empty()) return;
  rows_.rows = at::cat(all);
  for (auto& [hash, seen] : seen_) seen.soft = rows_.rows.narrow(0, seen.first, seen.soft.size(0));
}

const PictureBook::Seen& PictureBook::seen(const Image& image) const {
  const auto found = seen_.find(picture_hash(image));
  require(found != seen_.end(), Fault::internal, "a picture that was not looked at");
  return found->second;
}

std::string PictureBook::expand(const std::string& context, std::span<const Image* const> images) const {
  std::vector<PictureGrid> grids;
  std::int64_t tokens = 0;
  for (const auto* image : images) {
    const auto& picture = seen(*image);
    grids.push_back({.rows = picture.rows, .columns = picture.columns});
    tokens = picture.soft.size(0) / picture.tiles;
  }
  return expand_pictures(*reader_, context, grids, tokens);
}

void PictureBook::place(TokenIds& tokens, std::span<const Image* const> images, bool truncated) const {
  std::vector<std::int32_t> ids;
  for (const auto* image : images) {
    const auto& picture = seen(*image);
    for (std::int64_t row = 0; row < picture.soft.size(0); ++row) {
      ids.push_back(static_cast<std::int32_t>(-1 - picture.first - row));
    }
  }
  // From the end, since tokens were dropped at the beginning.
  auto next = ids.rbegin();
  for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
    if (*token != reader_->placeholder) continue;
    require(next != ids.rend(), Fault::data, [&] {
      return "a prompt has more tokens " + reader_->mark + " than its pictures take (" + std::to_string(ids.size()) +
             ")";
    });
    *token = *next++;
  }
  require(truncated || next == ids.rend(), Fault::data, [&] {
    return "a prompt has fewer tokens " + reader_->mark + " than its pictures take (" + std::to_string(ids.size()) +
           ")";
  });
}

}  // namespace touchstone
