#include "tests/support/hash_engine.hpp"

#include <algorithm>

#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"

namespace touchstone::testing {
namespace {

Response likelihood(std::uint64_t hash) {
  Response response;
  response.logp_nats = -(static_cast<double>((hash >> 16U) % 1000000U) / 10000.0);
  response.greedy = (hash >> 40U) % 5U == 0;
  response.tokens = 1;
  return response;
}

/// A flat settings object as Python's json.dumps writes it, keys sorted, with ", " and ": ".
std::string settings_text(const Generation& generation, const std::vector<std::string>& keys) {
  nlohmann::json values;
  for (const auto& key : keys) {
    if (key == "do_sample") values[key] = generation.temperature > 0;
    if (key == "max_gen_toks") values[key] = generation.max_new_tokens;
    if (key == "temperature") values[key] = generation.temperature;
  }
  values["until"] = generation.until;
  std::vector<std::string> members;
  for (const auto& item : values.items()) {
    auto text = item.value().dump();
    if (item.value().is_array()) {
      std::vector<std::string> items;
      for (const auto& inner : item.value()) items.push_back(inner.dump());
      text = "[" + join(items, ", ") + "]";
    }
    members.push_back("\"" + item.key() + "\": " + text);
  }
  return "{" + join(members, ", ") + "}";
}

}  // namespace

HashEngine::HashEngine(Text text, Hash hash)
    : text_(std::move(text)), hash_(hash ? std::move(hash) : [](std::string_view bytes) { return fnv1a(bytes); }) {}

std::vector<Response> HashEngine::answer(std::span<const Request> requests,
                                         const std::function<void(std::size_t)>& done, const CancelFlag* cancel) {
  calls_.push_back(requests.size());
  std::vector<Response> responses;
  for (const auto& request : requests) {
    if (cancel != nullptr) cancel->check();
    asked_.push_back(request);
    if (const auto* asked = std::get_if<Likelihood>(&request)) {
      responses.push_back(likelihood(hash_(asked->context + "\x1f" + asked->continuation)));
    } else if (const auto* rolling = std::get_if<Rolling>(&request)) {
      responses.push_back(likelihood(hash_("\x1e" + rolling->text)));
    } else {
      const auto& generation = std::get<Generation>(request);
      std::string text = text_(hash_(generation.context + "\x1d"));
      auto stops = generation.until;
      stops.emplace_back("</s>");
      for (const auto& stop : stops) text = text.substr(0, text.find(stop));
      Response response;
      response.generated.push_back({.text = std::move(text), .logp_nats = {-0.5, -1.5}, .finished = true});
      responses.push_back(std::move(response));
    }
    if (done) done(responses.size());
  }
  return responses;
}

std::string thinking_text(std::uint64_t hash) {
  const auto n = std::to_string((hash >> 16U) % 3U);
  return " Thinking " + n + "\nThe answer is " + n + ".\n#### " + n + "\n\nQuestion: extra";
}

std::string request_digest(const std::vector<Request>& requests, const std::vector<std::string>& settings) {
  Sha256 digest;
  bool first = true;
  for (const auto& request : requests) {
    if (!first) digest.add(std::string(1, '\0'));
    first = false;
    if (const auto* asked = std::get_if<Likelihood>(&request)) {
      digest.add(asked->context).add("\x01").add(asked->continuation);
    } else if (const auto* rolling = std::get_if<Rolling>(&request)) {
      digest.add("\x01").add(rolling->text);
    } else {
      const auto& generation = std::get<Generation>(request);
      digest.add(generation.context).add("\x01").add(settings_text(generation, settings));
    }
  }
  return digest.hex();
}

}  // namespace touchstone::testing
