#include "core/command/blocking_call.h"

#include <cmath>
#include <cstdlib>

#include "core/resp/integer.h"
#include "core/resp/request.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

using Argv = std::vector<std::string_view>;

// Beyond it the end of the time is no time any more: Redis refuses it.
constexpr int64_t kMostMs = INT64_MAX - (int64_t{1} << 43);

bool is_null(std::string_view reply) {
  return reply.starts_with("$-1") || reply.starts_with("*-1") || reply.starts_with("_") || reply.starts_with("*0") ||
         reply.starts_with("%0");
}

// What stands behind the header of an array.
std::string_view behind_header(std::string_view reply) { return reply.substr(reply.find('\n') + 1); }

bool is_side(std::string_view word) { return same_word(word, "LEFT") || same_word(word, "RIGHT"); }

bool is_end(std::string_view word) { return same_word(word, "MIN") || same_word(word, "MAX"); }

}  // namespace

std::optional<int64_t> parse_timeout_seconds(std::string_view text) {
  const std::string copy(text);
  if (copy.empty() || std::isspace(static_cast<unsigned char>(copy[0]))) return std::nullopt;
  char* end = nullptr;
  const double seconds = std::strtod(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || std::isnan(seconds) || seconds < 0) return std::nullopt;
  const double ms = std::ceil(seconds * 1000);
  if (ms > 9.2e18) return std::nullopt;
  return static_cast<int64_t>(ms);
}

std::optional<BlockingCall> BlockingCall::parse(const CommandInfo& command, const Argv& argv) {
  const std::string_view name = command.name;
  if (name == "xread" || name == "xreadgroup") return parse_stream(command, argv);
  BlockingCall call;
  std::string_view timeout = argv.back();
  if (name == "blpop" || name == "brpop" || name == "bzpopmin" || name == "bzpopmax") {
    call.kind_ = name.starts_with("bz") ? Kind::kSortedPop : Kind::kListPop;
    call.verb_ = name == "blpop" ? "LPOP" : name == "brpop" ? "RPOP" : name == "bzpopmin" ? "ZPOPMIN" : "ZPOPMAX";
    call.keys_.assign(argv.begin() + 1, argv.end() - 1);
  } else if (name == "blmove" && argv.size() == 6) {
    if (!is_side(argv[3]) || !is_side(argv[4])) return std::nullopt;
    call.kind_ = Kind::kListMove;
    call.verb_ = "LMOVE";
    call.keys_ = {std::string(argv[1])};
    call.rest_.assign(argv.begin() + 2, argv.begin() + 5);
  } else if (name == "brpoplpush" && argv.size() == 4) {
    call.kind_ = Kind::kListMove;
    call.verb_ = "RPOPLPUSH";
    call.keys_ = {std::string(argv[1])};
    call.rest_ = {std::string(argv[2])};
  } else if (name == "blmpop" || name == "bzmpop") {
    call.kind_ = name == "bzmpop" ? Kind::kSortedPop : Kind::kListPop;
    timeout = argv[1];
    if (!call.parse_many(argv)) return std::nullopt;
  } else {
    return std::nullopt;
  }
  const std::optional<int64_t> ms = parse_timeout_seconds(timeout);
  if (!ms || call.keys_.empty()) return std::nullopt;
  call.timeout_ms_ = *ms;
  return call;
}

// timeout numkeys key … LEFT|RIGHT|MIN|MAX [COUNT n]
bool BlockingCall::parse_many(const Argv& argv) {
  many_ = true;
  const auto count = static_cast<size_t>(parse_integer(argv[2]).value_or(0));
  if (count == 0 || count > argv.size() || argv.size() < 3 + count + 1) return false;
  keys_.assign(argv.begin() + 3, argv.begin() + 3 + static_cast<ptrdiff_t>(count));
  const auto behind = argv.begin() + 3 + static_cast<ptrdiff_t>(count);
  if (kind_ == Kind::kListPop ? !is_side(*behind) : !is_end(*behind)) return false;
  verb_ = kind_ == Kind::kListPop ? "LMPOP" : "ZMPOP";
  rest_.assign(behind, argv.end());
  if (rest_.size() == 1) return true;
  return rest_.size() == 3 && same_word(rest_[1], "COUNT") && parse_integer(rest_[2]).value_or(0) > 0;
}

// XREAD [COUNT n] [BLOCK ms] STREAMS key … id …
// XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [NOACK] [CLAIM ms] STREAMS key … id …
std::optional<BlockingCall> BlockingCall::parse_stream(const CommandInfo& command, const Argv& argv) {
  BlockingCall call;
  call.kind_ = command.name == "xread" ? Kind::kStream : Kind::kStreamGroup;
  bool blocks = false;
  size_t at = 1;
  call.rest_.emplace_back(argv[0]);
  while (at < argv.size() && !same_word(argv[at], "STREAMS")) {
    if (same_word(argv[at], "BLOCK") && at + 1 < argv.size()) {
      const std::optional<int64_t> ms = parse_integer(argv[at + 1]);
      if (!ms || *ms < 0 || *ms > kMostMs) return std::nullopt;
      call.timeout_ms_ = *ms;
      blocks = true;
      at += 2;
      continue;
    }
    if (same_word(argv[at], "GROUP") && at + 2 < argv.size()) {
      call.group_ = argv[at + 1];
      call.rest_.insert(call.rest_.end(), argv.begin() + static_cast<ptrdiff_t>(at),
                        argv.begin() + static_cast<ptrdiff_t>(at) + 3);
      at += 3;
      continue;
    }
    call.rest_.emplace_back(argv[at++]);
  }
  const size_t streams = at + 1;
  if (!blocks || streams >= argv.size() || (argv.size() - streams) % 2 != 0) return std::nullopt;
  const size_t count = (argv.size() - streams) / 2;
  call.rest_.insert(call.rest_.end(), argv.begin() + static_cast<ptrdiff_t>(at), argv.end());
  call.ids_at_ = call.rest_.size() - count;
  for (size_t i = 0; i < count; i++) call.keys_.emplace_back(argv[streams + i]);
  if (call.kind_ == Kind::kStreamGroup) {
    // Its own pending entries are there at once, or never.
    bool news = false;
    for (size_t i = 0; i < count; i++) news = news || call.rest_[call.ids_at_ + i] == ">";
    if (!news) return std::nullopt;
  }
  return call;
}

std::vector<std::string_view> BlockingCall::question(size_t key) const {
  return {kind_ == Kind::kSortedPop ? "ZCARD" : "LLEN", keys_[key]};
}

std::string BlockingCall::attempt(size_t key) const {
  std::vector<std::string_view> argv;
  if (many_) {
    argv = {verb_, "1", keys_[key]};
  } else if (!stream()) {
    argv = {verb_, keys_[key]};
  }
  argv.insert(argv.end(), rest_.begin(), rest_.end());
  std::string out;
  append_request(&out, argv);
  return out;
}

std::optional<std::string> BlockingCall::reply(size_t key, std::string_view attempted) const {
  if (is_null(attempted)) return std::nullopt;
  if (kind_ == Kind::kListMove || many_ || stream() || attempted.starts_with('-')) return std::string(attempted);
  std::string out;
  append_array_header(&out, kind_ == Kind::kSortedPop ? 3 : 2);
  append_bulk(&out, keys_[key]);
  return out.append(kind_ == Kind::kSortedPop ? behind_header(attempted) : attempted);
}

std::string BlockingCall::timed_out(Protocol protocol) const {
  std::string out;
  append_null_array(&out, protocol);
  return out;
}

std::vector<size_t> BlockingCall::last_id_wanted() const {
  std::vector<size_t> wanted;
  for (size_t i = 0; kind_ == Kind::kStream && i < keys_.size(); i++) {
    if (rest_[ids_at_ + i] == "$") wanted.push_back(i);
  }
  return wanted;
}

void BlockingCall::set_last_id(size_t key, std::string id) { rest_[ids_at_ + key] = std::move(id); }

}  // namespace holdfast
