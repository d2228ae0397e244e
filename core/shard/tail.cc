#include "core/shard/tail.h"

#include <utility>

#include "core/resp/request.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

bool holds_commands(std::string_view value) {
  RequestParser parser(kNoRequestLimits);
  while (!value.empty()) {
    if (parser.parse(value) != RequestParser::Status::kComplete || parser.argv().empty()) return false;
    if (parser.canonical().data() != value.data()) return false;  // not in the one form that records have
    if (same_word(parser.argv()[0], "SELECT") && parser.argv().size() != 2) return false;
    value.remove_prefix(parser.consumed());
  }
  return true;
}

}  // namespace

Result<std::deque<Replay::Pending>> take_tail(Replay* replay) {
  std::deque<Replay::Pending> tail;
  while (!replay->pending().empty()) {
    tail.push_back(replay->take_pending_front());
    if (holds_commands(tail.back().commands)) continue;
    return Error{stopped_at(tail.back().position, "it holds what are no commands")};
  }
  return tail;
}

}  // namespace holdfast
