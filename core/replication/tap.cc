#include "core/replication/tap.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace holdfast {
namespace {

constexpr size_t kLongestLine = 4096;

bool parse_offset(std::string_view text, int64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void Tap::start(const std::string& username, const std::string& password, const std::string& replid, int64_t offset) {
  std::string out;
  answers_due_ = 1;
  if (!password.empty()) {
    append_request(&out, auth_request(username, password));
    answers_due_++;
  }
  // Without "capa eof" the RDB of a full sync comes with its length in front.
  append_request(&out, {"REPLCONF", "capa", "psync2"});
  replid_ = replid;
  offset_ = offset;
  state_ = State::kHandshake;
  incoming_.clear();
  parser_ = RequestParser(kNoRequestLimits);
  events_->on_tap_send(std::move(out));
}

// Only now: Redis takes PSYNC from nobody to whom it still owes an answer.
void Tap::ask() {
  std::string out;
  if (replid_.empty()) {
    append_request(&out, {"PSYNC", "?", "-1"});
  } else {
    append_request(&out, {"PSYNC", replid_, std::to_string(offset_ + 1)});
  }
  events_->on_tap_send(std::move(out));
}

std::string Tap::ack() const {
  std::string out;
  if (streaming()) append_request(&out, {"REPLCONF", "ACK", std::to_string(offset_)});
  return out;
}

void Tap::on_data(std::string_view data) {
  std::string_view rest = incoming_.with(data);
  while (!rest.empty() && state_ != State::kClosed) {
    size_t consumed = 0;
    if (state_ == State::kStream) {
      consumed = consume_stream(rest);
    } else if (state_ == State::kRdb) {
      consumed = consume_rdb(rest);
    } else {
      consumed = consume_lines(rest);
    }
    if (consumed == 0) break;
    rest.remove_prefix(consumed);
  }
  if (state_ == State::kClosed) rest = {};
  incoming_.keep(rest, parser_.bytes_wanted());
}

bool Tap::fail(const std::string& reason) {
  state_ = State::kClosed;
  events_->on_tap_error(reason);
  return false;
}

size_t Tap::consume_lines(std::string_view data) {
  const size_t end = data.substr(0, kLongestLine).find('\n');
  if (end == std::string_view::npos) {
    if (data.size() >= kLongestLine) fail("Redis sent a line without an end");
    return 0;
  }
  std::string_view line = data.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  // Empty lines keep the connection alive while Redis prepares an RDB.
  if (!line.empty() && !on_line(line)) return 0;
  return end + 1;
}

bool Tap::on_line(std::string_view line) {
  if (state_ == State::kRdbLength) {
    if (line[0] != '$' || !parse_offset(line.substr(1), &rdb_left_) || rdb_left_ <= 0) {
      return fail("Redis sent no RDB but: " + std::string(line));
    }
    state_ = State::kRdb;
    return true;
  }
  if (answers_due_ > 0) {
    if (line[0] == '-') return fail("Redis refused to be followed: " + std::string(line.substr(1)));
    if (--answers_due_ == 0) ask();
    return true;
  }
  if (line.starts_with("+CONTINUE")) {
    if (line.size() > 10) replid_ = std::string(line.substr(10));
    state_ = State::kStream;
    events_->on_tap_continues(replid_);
    return state_ == State::kStream;
  }
  constexpr std::string_view kFull = "+FULLRESYNC ";
  if (line.starts_with(kFull)) {
    const std::string_view rest = line.substr(kFull.size());
    const size_t space = rest.find(' ');
    if (space == std::string_view::npos || !parse_offset(rest.substr(space + 1), &offset_) || offset_ < 0 ||
        offset_ > INT64_MAX / 2) {
      return fail("Redis sent: " + std::string(line));
    }
    replid_ = std::string(rest.substr(0, space));
    state_ = State::kRdbLength;
    events_->on_tap_full_sync(replid_, offset_);
    return state_ == State::kRdbLength;
  }
  return fail("Redis refused PSYNC: " + std::string(line));
}

size_t Tap::consume_rdb(std::string_view data) {
  const size_t size = std::min<size_t>(data.size(), static_cast<size_t>(rdb_left_));
  rdb_left_ -= static_cast<int64_t>(size);
  if (rdb_left_ == 0) state_ = State::kStream;
  events_->on_tap_rdb(data.substr(0, size), rdb_left_ == 0);
  return size;
}

size_t Tap::consume_stream(std::string_view data) {
  switch (parser_.parse(data)) {
    case RequestParser::Status::kIncomplete: return 0;
    case RequestParser::Status::kError: fail("the replication stream cannot be read: " + parser_.error()); return 0;
    case RequestParser::Status::kComplete: break;
  }
  // Those who keep a command's bytes read them again, and an inline command's words are in no bytes but the parser's.
  if (!parser_.argv().empty() && parser_.canonical().data() != data.data()) {
    fail("the replication stream cannot be read: it holds an inline command");
    return 0;
  }
  const size_t consumed = parser_.consumed();
  offset_ += static_cast<int64_t>(consumed);
  if (!parser_.argv().empty()) events_->on_tap_command(parser_.argv(), data.substr(0, consumed), offset_);
  return consumed;
}

}  // namespace holdfast
