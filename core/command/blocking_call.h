// Blocking commands (BLPOP … XREADGROUP … BLOCK) taken apart: what they wait for, the command that does once what they
// do when they need not wait, and how its reply becomes theirs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/command/table.h"
#include "core/resp/reply.h"

namespace holdfast {

class BlockingCall {
 public:
  enum class Kind : uint8_t {
    kListPop,      // BLPOP, BRPOP, BLMPOP
    kListMove,     // BLMOVE, BRPOPLPUSH
    kSortedPop,    // BZPOPMIN, BZPOPMAX, BZMPOP
    kStream,       // XREAD
    kStreamGroup,  // XREADGROUP
  };

  // nullopt: not a call that blocks, or one that Redis refuses in its own words.
  static std::optional<BlockingCall> parse(const CommandInfo& command, const std::vector<std::string_view>& argv);

  Kind kind() const { return kind_; }
  const std::vector<std::string>& keys() const { return keys_; }
  int64_t timeout_ms() const { return timeout_ms_; }  // 0: for ever
  bool stream() const { return kind_ >= Kind::kStream; }
  // Stream readers of one group share its entries: the first of them is served.
  const std::string& group() const { return group_; }

  // Asks how much is there for it: an integer, or an error if the key is of another type. Not for streams.
  std::vector<std::string_view> question(size_t key) const;
  // The command that takes from keys()[key]; for streams from all of them.
  std::string attempt(size_t key) const;
  // Its reply made into that of the call; nullopt: there was nothing to take.
  std::optional<std::string> reply(size_t key, std::string_view attempted) const;
  // When it waited in vain.
  std::string timed_out(Protocol protocol) const;

  // XREAD's "$" stands for the last id by the time of the call. The keys whose id is that, as places in keys().
  std::vector<size_t> last_id_wanted() const;
  void set_last_id(size_t key, std::string id);

 private:
  static std::optional<BlockingCall> parse_stream(const CommandInfo& command,
                                                  const std::vector<std::string_view>& argv);
  bool parse_many(const std::vector<std::string_view>& argv);

  Kind kind_ = Kind::kListPop;
  std::vector<std::string> keys_;
  int64_t timeout_ms_ = 0;
  std::string verb_;               // of the attempt: LPOP, ZPOPMIN, LMOVE, LMPOP …
  std::vector<std::string> rest_;  // its arguments behind the key; for streams all of it
  bool many_ = false;              // BLMPOP, BZMPOP: the attempt is as they are, of one key
  size_t ids_at_ = 0;              // streams: where in rest_ the ids begin
  std::string group_;
};

// The timeout of a blocking command as Redis takes it, in ms; nullopt: it refuses it.
std::optional<int64_t> parse_timeout_seconds(std::string_view text);

}  // namespace holdfast
