// A connection to Redis on which Redis goes on telling something once it was asked to. It is there only while that is
// wanted; lost, it is made again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/shard/options.h"
#include "core/shard/world.h"

namespace holdfast {

class WantedLink {
 public:
  // `what` Redis tells, for people; the request that begins it, and how many replies it has.
  WantedLink(World* world, const ShardOptions& options, Link link, std::string what,
             const std::vector<std::string_view>& request, int confirmations);

  // Whether it is wanted now. Call every turn.
  void want(bool wanted, int64_t now_ms);
  // Redis tells from here on; or it has refused to.
  bool up() const { return state_ == State::kUp; }

  void on_link_up();
  void on_link_down() { state_ = State::kDown; }
  // What Redis tells in `data`.
  std::vector<ReplyValue> on_data(std::string_view data);

 private:
  enum class State : uint8_t { kDown, kConnecting, kUp };
  void on_confirmation(const ReplyValue& reply);

  World* world_;
  const ShardOptions& options_;
  const Link link_;
  const std::string what_;
  std::string request_;
  const int confirmations_;

  State state_ = State::kDown;
  int confirmations_due_ = 0;
  int64_t retry_ms_ = 0;
  ReplyStream stream_;
};

}  // namespace holdfast
