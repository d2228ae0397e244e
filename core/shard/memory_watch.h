// `maxmemory` with the policy noeviction, which Holdfast keeps in Redis's place: Redis itself then runs without a limit
// and can never refuse what is in the log. Redis is asked from time to time how much it uses, the sooner the less room
// is left; what is admitted between two answers is by how much the limit may be exceeded.
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

  // Whether to ask now. `written`: bytes of Redis's replication stream so far, which tell that something has changed.
  bool due(int64_t now_ms, int64_t written) const;
  void on_asked(int64_t now_ms, int64_t written);
  // The answer: the text of INFO's section "memory". Anything else only ends the wait.
  void on_answer(const std::string& info);
  // Over the limit, but an answer is on its way that may tell of room; or the limit is new, and nothing known yet.
  bool in_doubt(int64_t now_ms) const;

 private:
  int64_t limit_;
  int64_t used_ = 0;    // as Redis counts it against maxmemory, without the backlog that it keeps for Holdfast
  bool known_ = false;  // used_, since there has been this limit
  bool asked_ = false;
  int64_t asked_ms_ = 0;
  int64_t asked_written_ = 0;
};

}  // namespace holdfast
