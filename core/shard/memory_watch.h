// `maxmemory` with the policy noeviction, which Holdfast keeps in Redis's place: Redis itself then runs without a limit
// and can never refuse what is in the log. Redis is asked from time to time how much it uses, the sooner the less room
// is left; what is admitted between two answers is by how much the limit may be exceeded.
//
// With a policy that evicts the limit is Redis's. But once it finds nothing to evict it queues no command at all, so
// that batches fail as a whole, with what would free memory, too. Until there is room again Holdfast stands in for it.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast {

class MemoryWatch {
 public:
  explicit MemoryWatch(int64_t limit_bytes) : limit_(limit_bytes) {}

  int64_t limit() const { return limit_; }  // bytes; 0: none
  void set_limit(int64_t bytes);
  bool over() const { return limit_ > 0 && used_ > limit_; }

  // Redis refuses everything at the limit of `bytes`; over() from here on, until an answer says otherwise.
  void stand_in(int64_t bytes, int64_t now_ms);
  bool stands_in() const { return standing_in_; }
  // There has been room for a while, so that it will not be full again at once.
  bool may_step_back() const;
  // Redis keeps the limit again.
  void step_back();

  // Whether scripts are to find memory over the limit although Redis has none: not while it stands in, nor while the
  // limit or the policy is being changed.
  bool stops_scripts() const { return over() && !standing_in_ && !changing_; }
  // Redis has noted for its scripts that memory is over the limit. It forgets that with a limit of its own.
  void on_noted() { noted_ = true; }
  bool noted() const { return noted_; }
  void begin_change() {
    changing_ = true;
    noted_ = false;
  }
  void end_change() { changing_ = false; }
  void on_redis_lost();

  // Whether to ask now. `written`: bytes of Redis's replication stream so far, which tell that something has changed.
  bool due(int64_t now_ms, int64_t written) const;
  void on_asked(int64_t now_ms, int64_t written);
  // The answer: the text of INFO's section "memory". Anything else only ends the wait.
  void on_answer(const std::string& info);
  // Over the limit, but an answer is on its way that may tell of room; or the limit is new, and nothing known yet.
  bool in_doubt(int64_t now_ms) const;

 private:
  int64_t limit_;
  bool standing_in_ = false;
  // As Redis counts it against maxmemory; where the limit is Holdfast's own, without the backlog that is kept for it.
  int64_t used_ = 0;
  bool changing_ = false, noted_ = false;
  bool known_ = false;  // used_, since there has been this limit
  bool asked_ = false;
  int64_t asked_ms_ = 0;
  int64_t over_ms_ = 0;  // standing in: when it was last known to be over
  int64_t asked_written_ = 0;
};

// Added to Redis's maxmemory while Holdfast stands in. It is as good as none, and whoever attaches to that Redis next
// sees what the limit was.
inline constexpr int64_t kLifted = int64_t{1} << 60;

// A limit that is always exceeded.
inline constexpr int64_t kNoRoom = 1;

}  // namespace holdfast
