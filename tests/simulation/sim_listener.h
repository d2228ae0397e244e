// A client that listens: it has subscribed to a channel, and caches what it reads until it is told that it has changed
// (CLIENT TRACKING). A message comes at most once, in the order in which it was published; an invalidation comes only
// once the log tells of the change, and none is missing in the end. (That a message tells of nothing that the log does
// not hold is checked by SimWorld, as for every reply.)
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/resp/reply.h"
#include "tests/simulation/sim_world.h"

namespace holdfast::simulation {

inline constexpr char kChannel[] = "news";

class SimListener {
 public:
  // Reads what `clients` clients write. `look_into_log`: false where records come in parts.
  SimListener(SimClock* clock, Rng* rng, Coverage* coverage, SimWorld* world, int clients, bool look_into_log);

  void start();
  // Reads no more.
  void stop() { stopped_ = true; }
  // What it has cached against the final state.
  void check(const Dataset& data);

 private:
  struct Cached {
    std::optional<std::string> value;
    // What set it was settled when it was asked for, so that nothing about that is still to be told (a change that a
    // reply shows already may be told behind it): what is told from now on stands behind it in the log.
    bool certain = false;
  };
  struct Reading {
    std::string key;
    Position settled;  // through it all had been told when it was asked for
  };

  void work();
  void connect();
  void on_data(std::string_view data);
  void on_closed();
  void on_push(const ReplyValue& push);
  void on_message(const std::string& text);
  void on_invalidated(const std::string& key);
  Position set_in_log(const std::string& value) const;
  bool changed_in_log(const std::string& key, const std::string& value) const;

  SimClock* clock_;
  Rng* rng_;
  Coverage* coverage_;
  SimWorld* world_;
  const bool look_into_log_;
  std::vector<std::string> keys_;
  bool stopped_ = false;
  std::shared_ptr<SimStream> stream_;
  SessionId session_ = 0;
  std::string input_;
  ReplyFramer framer_;
  int greetings_due_ = 0;
  std::deque<Reading> reading_;  // in the order of the replies that are due
  std::map<std::string, Cached> cache_;
  std::map<std::string, int64_t> newest_;  // message of each publisher
  Position settled_ = kNoPosition;         // where the log ended when Holdfast was last seen at rest
  std::set<std::string> drawn_;            // by scripts, and published
};

}  // namespace holdfast::simulation
