// A script that runs on. It came by the main link, which has to wait for it; Redis says BUSY on any other connection
// and takes SCRIPT KILL there. So there is a second connection, opened the first time that Redis keeps the main link
// waiting, or a client asks for what must not wait behind a script. While Redis is slow to answer, it is asked there
// whether it is busy.
// Source: https://redis.io/docs/latest/develop/programmability/ (busy-reply-threshold)
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/shard/options.h"
#include "core/shard/world.h"

namespace holdfast {

class BusyWatch {
 public:
  using Answer = std::function<void(std::string_view reply)>;

  BusyWatch(World* world, const ShardOptions& options) : world_(world), options_(options) {}

  // Every turn: whether Redis owes an answer on the main link. True: it has just been found busy.
  bool work(bool owes, int64_t now_ms);
  // Redis has said something on the main link.
  void on_main_data(int64_t now_ms);
  // What Redis says to all (without "-"), or "" while it is not busy.
  const std::string& error() const { return error_; }
  // It may be busy, or hang: there is no answer to that yet.
  bool suspects() const { return asked_ && error_.empty(); }

  // A request for the second connection. `answer` gets one whole reply, or an error of ours.
  void ask(Protocol protocol, const std::vector<std::string_view>& argv, Answer answer);

  void on_link_up();
  void on_link_down();
  void on_data(std::string_view data);
  // Redis was lost, the second connection's with it.
  void reset();

 private:
  enum class State : uint8_t { kDown, kConnecting, kUp };
  struct Question {
    std::string bytes;
    Answer answer;
  };
  void enqueue(const std::vector<std::string_view>& argv, Answer answer);
  void send(Question question);
  void give_up();

  World* world_;
  const ShardOptions& options_;
  State state_ = State::kDown;
  std::deque<Question> waiting_;  // for the connection
  std::deque<Answer> answers_;    // due on it
  ReplyStream stream_;
  std::string error_;
  bool asked_ = false;  // whether it is busy; no answer yet
  bool found_ = false;  // it is, since the last turn
  int64_t heard_ms_ = 0, asked_ms_ = 0, next_ms_ = 0;
};

// SCRIPT KILL and its like: what must not wait behind a script. FUNCTION STATS only while there is one (`busy`): what
// it tells must be settled otherwise.
bool is_for_busy_redis(const std::vector<std::string_view>& argv, bool busy);

}  // namespace holdfast
