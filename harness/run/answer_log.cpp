#include "harness/run/answer_log.hpp"

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"

namespace touchstone {
namespace {

// Requests answered between two writes: enough to fill batches and share prefixes, but few enough to lose little.
constexpr std::size_t chunk = 256;

Json to_json(const Response& response) {
  Json generated = Json::array();
  for (const auto& answer : response.generated) {
    Json entry = Json::object();
    put_text(entry, answer.text);
    auto& logp = entry["logp"] = Json::array();
    for (const auto value : answer.logp_nats) logp.push_back(number_json(value));
    entry["finished"] = answer.finished;
    entry["drawn"] = answer.tokens;
    entry["text_tokens"] = answer.text_tokens;
    entry["ended"] = answer.ended;
    generated.push_back(std::move(entry));
  }
  return {{"logp", number_json(response.logp_nats)},
          {"tokens", response.tokens},
          {"greedy", response.greedy},
          {"generated", generated},
          {"prompt", response.prompt_tokens},
          {"truncated", response.truncated_tokens},
          {"empty", response.empty_continuation},
          {"forward", response.forward_tokens},
          {"cache", response.cache_bytes}};
}

Response from_json(const Json& json) {
  Response response;
  response.logp_nats = number_from(json.at("logp"));
  response.tokens = json.at("tokens");
  response.greedy = json.at("greedy");
  response.prompt_tokens = json.at("prompt");
  response.truncated_tokens = json.at("truncated");
  response.empty_continuation = json.at("empty");
  response.forward_tokens = json.at("forward");
  response.cache_bytes = json.at("cache");
  for (const auto& entry : json.at("generated")) {
    Generated answer;
    answer.text = text_from(entry);
    for (const auto& value : entry.at("logp")) answer.logp_nats.push_back(number_from(value));
    answer.finished = entry.at("finished");
    // Lines of older logs lack these.
    answer.tokens = entry.value("drawn", std::vector<std::int32_t>());
    answer.text_tokens = entry.value("text_tokens", 0);
    answer.ended = entry.value("ended", false);
    response.generated.push_back(std::move(answer));
  }
  return response;
}

void add(Sha256& digest, std::string_view text) { digest.add(std::to_string(text.size())).add(":").add(text); }

}  // namespace

std::string answers_of(const EngineInfo& info) {
  Sha256 digest;
  add(digest, "answers 2");  // version of the line format
  for (const auto* text : {&info.model_hash, &info.config_hash, &info.tokenizer_hash, &info.template_hash, &info.dtype,
                           &info.device, &info.kernels}) {
    add(digest, *text);
  }
  digest.add(std::to_string(info.max_length)).add("/").add(std::to_string(info.threads));
  return digest.hex();
}

AnswerLog::AnswerLog(Engine& engine, std::filesystem::path file)
    : engine_(&engine), file_(std::move(file)), identity_(answers_of(engine.info())) {
  load();
}

void AnswerLog::load() {
  std::ifstream in(file_, std::ios::binary);
  std::string line;
  const bool same = in && std::getline(in, line) && line == identity_;
  while (same && std::getline(in, line)) {
    // A kill can cut the last line short. Every line carries the hash of its own text.
    if (line.size() < 130 || line[64] != ' ' || line[129] != ' ') break;
    auto text = line.substr(130);
    if (line.substr(65, 64) != sha256(text)) break;
    stored_[line.substr(0, 64)] = std::move(text);
  }
  in.close();
  std::filesystem::create_directories(file_.parent_path());
  // The file is written anew, so that nothing is appended to a half line.
  out_.open(file_, std::ios::binary | std::ios::trunc);
  out_ << identity_ << '\n';
  for (const auto& entry : stored_) out_ << entry.first << ' ' << sha256(entry.second) << ' ' << entry.second << '\n';
  out_.flush();
  require(out_.good(), Fault::store, [&] { return file_.string() + ": cannot be written (is the disk full?)"; });
}

std::string answer_key(const std::string& answers, const Request& request) {
  Sha256 digest;
  add(digest, answers);
  if (const auto* likelihood = std::get_if<Likelihood>(&request)) {
    add(digest, "likelihood");
    add(digest, likelihood->context);
    add(digest, likelihood->continuation);
    for (const auto& media : likelihood->media) add(digest, media_hash(media));
  } else if (const auto* rolling = std::get_if<Rolling>(&request)) {
    add(digest, "rolling");
    add(digest, rolling->text);
  } else {
    const auto& generation = std::get<Generation>(request);
    add(digest, "generation");
    add(digest, generation.context);
    for (const auto& media : generation.media) add(digest, media_hash(media));
    Json drawing = {generation.max_new_tokens, generation.temperature, generation.top_p,
                    generation.top_k,          generation.samples,     generation.seed};
    if (generation.keep_first_space) drawing.push_back("keep_first_space");
    for (const auto& context : generation.further_contexts) drawing.push_back("further " + sha256(context));
    add(digest, drawing.dump());
    for (const auto& stop : generation.until) add(digest, stop);
  }
  return digest.hex();
}

void AnswerLog::write(const std::string& key, const Response& response) {
  const auto text = to_json(response).dump();
  out_ << key << ' ' << sha256(text) << ' ' << text << '\n';
}

std::vector<Response> AnswerLog::answer(std::span<const Request> requests, const std::function<void(std::size_t)>& done,
                                        const CancelFlag* cancel) {
  std::vector<Response> responses(requests.size());
  std::vector<std::string> keys(requests.size());
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    keys[i] = answer_key(identity_, requests[i]);
    const auto found = stored_.find(keys[i]);
    if (found == stored_.end()) {
      open.push_back(i);
    } else {
      responses[i] = from_json(Json::parse(found->second));
    }
  }
  reused_ += requests.size() - open.size();
  std::size_t finished = requests.size() - open.size();
  for (std::size_t first = 0; first < open.size(); first += chunk) {
    const std::size_t last = std::min(open.size(), first + chunk);
    std::vector<Request> some;
    for (std::size_t i = first; i < last; ++i) some.push_back(requests[open[i]]);
    const auto report = [&](std::size_t count) {
      if (done) done(finished + count);
    };
    auto answers = engine_->answer(some, report, cancel);
    for (std::size_t i = first; i < last; ++i) {
      responses[open[i]] = std::move(answers[i - first]);
      write(keys[open[i]], responses[open[i]]);
    }
    out_.flush();
    require(out_.good(), Fault::store, [&] { return file_.string() + ": cannot be written (is the disk full?)"; });
    finished += last - first;
    if (done) done(finished);
  }
  return responses;
}

void AnswerLog::remove() {
  out_.close();
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

}  // namespace touchstone
