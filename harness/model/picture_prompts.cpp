#include "harness/model/picture_prompts.hpp"

#include <algorithm>
#include <atomic>

#include "harness/base/error.hpp"
#include "harness/data/picture.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/workers.hpp"

namespace touchstone {

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
          auto tiles = process_picture(*work[at].first, reader.rules);
          const auto pixels = at::from_blob(tiles.values.data(), {tiles.count, 3, tiles.side_px, tiles.side_px},
                                            at::TensorOptions(at::kFloat));
          auto& seen = *work[at].second;
          seen.soft = model.look(pixels);
          seen.rows = tiles.rows;
          seen.columns = tiles.columns;
          seen.tiles = tiles.count;
        }
      });
  std::vector<Tensor> all;
  std::int64_t count = 0;
  for (auto& [hash, seen] : seen_) {
    seen.first = count;
    count += seen.soft.size(0);
    all.push_back(seen.soft);
    // The table holds them from now on; the sizes are still needed.
  }
  if (all.empty()) return;
  rows_.rows = at::cat(all);
  for (auto& [hash, seen] : seen_) seen.soft = rows_.rows.narrow(0, seen.first, seen.soft.size(0));
}

const PictureBook::Seen& PictureBook::seen(const Image& image) const {
  const auto found = seen_.find(picture_hash(image));
  require(found != seen_.end(), Fault::internal, [] { return std::string("a picture that was not looked at"); });
  return found->second;
}

std::string PictureBook::expand(const std::string& context, const std::vector<Image>& images) const {
  const std::string mark = picture_placeholder;
  std::string text;
  std::size_t from = 0;
  std::size_t used = 0;
  for (auto at = context.find(mark); at != std::string::npos; at = context.find(mark, from)) {
    text += context.substr(from, at - from);
    if (used < images.size()) {
      const auto& picture = seen(images[used]);
      text += reader_->text(picture.rows, picture.columns, picture.soft.size(0) / picture.tiles);
    }
    ++used;
    from = at + mark.size();
  }
  require(used == images.size(), Fault::data, [&] {
    return "a prompt has " + std::to_string(images.size()) + " pictures and says " + mark + " " + std::to_string(used) +
           " times, expected once a picture";
  });
  return text + context.substr(from);
}

void PictureBook::place(TokenIds& tokens, const std::vector<Image>& images, bool truncated) const {
  std::vector<std::int32_t> ids;
  for (const auto& image : images) {
    const auto& picture = seen(image);
    for (std::int64_t row = 0; row < picture.soft.size(0); ++row) {
      ids.push_back(static_cast<std::int32_t>(-1 - picture.first - row));
    }
  }
  // From the end: what was dropped stood at the beginning.
  auto next = ids.rbegin();
  for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
    if (*token != reader_->placeholder) continue;
    require(next != ids.rend(), Fault::data,
            [&] { return "a prompt has more " + reader_->mark + " tokens than its pictures have rows"; });
    *token = *next++;
  }
  require(truncated || next == ids.rend(), Fault::data,
          [&] { return "a prompt has fewer " + reader_->mark + " tokens than its pictures have rows"; });
}

}  // namespace touchstone
