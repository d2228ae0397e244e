#include "core/resp/reply.h"

#include <algorithm>
#include <cstring>

#include "core/resp/integer.h"

namespace holdfast {

namespace {

// Far beyond what a Redis can hold, and small enough that sums of them do not overflow.
constexpr int64_t kMaxLength = int64_t{1} << 40;
constexpr int64_t kMaxPending = int64_t{1} << 60;
// A type's byte, a number and a line end are not longer.
constexpr size_t kMaxLengthLine = 24;
// parse_reply() goes one call deeper for each level.
constexpr int kMaxDepth = 128;

// How many values follow the header of a nested one that announces `count`.
int64_t element_count(char type, int64_t count) {
  switch (type) {
    case '%': return count * 2;
    case '|': return count * 2 + 1;               // an attribute stands in front of the value that it belongs to
    default: return std::max<int64_t>(count, 0);  // "*-1" is a null
  }
}

}  // namespace

struct ReplyFramer::Position {
  const char* at;  // the first byte of a value
  const char* begin;
  const char* end;

  size_t offset() const { return static_cast<size_t>(at - begin); }
  size_t left() const { return static_cast<size_t>(end - at); }
};

ReplyFramer::Status ReplyFramer::next(std::string_view data) {
  if (!error_.empty()) [[unlikely]] {
    return Status::kError;
  }
  if (data.empty() || data.size() < bytes_wanted_) return Status::kIncomplete;
  Position position{data.data() + cursor_, data.data(), data.data() + data.size()};
  Step step = Step::kDone;
  while (pending_ > 0 && step == Step::kDone) {
    if (position.left() == 0) {
      step = Step::kIncomplete;
      break;
    }
    switch (*position.at) {
      case '$':
      case '=':
      case '!': step = skip_bulk(&position); break;
      case '+':
      case '-':
      case ':':
      case ',':
      case '#':
      case '(':
      case '_': step = skip_line(&position); break;
      case '*':
      case '~':
      case '%':
      case '>':
      case '|': step = enter_nested(&position); break;
      default:
        step = fail("no type of RESP starts with byte " + std::to_string(static_cast<unsigned char>(*position.at)));
    }
  }
  if (step == Step::kError) return Status::kError;
  if (step == Step::kIncomplete) {
    cursor_ = position.offset();
    return Status::kIncomplete;
  }
  consumed_ = position.offset();
  pending_ = 1;
  cursor_ = 0;
  scanned_ = 0;
  bytes_wanted_ = 0;
  return Status::kComplete;
}

ReplyFramer::Step ReplyFramer::skip_line(Position* position) {
  const char* from = std::max(position->at, position->begin + scanned_);
  while (const void* found = std::memchr(from, '\r', static_cast<size_t>(position->end - from))) {
    from = static_cast<const char*>(found);
    if (from + 1 == position->end) break;
    ++from;
    if (*from != '\n') continue;
    position->at = from + 1;
    --pending_;
    return Step::kDone;
  }
  // A '\r' at the very end may be half a line end.
  scanned_ = static_cast<size_t>((position->end[-1] == '\r' ? position->end - 1 : position->end) - position->begin);
  return Step::kIncomplete;
}

ReplyFramer::Step ReplyFramer::skip_bulk(Position* position) {
  int64_t length = 0;
  const char* body = nullptr;
  const Step step = read_length(*position, &length, &body);
  if (step != Step::kDone) return step;
  if (length >= 0) {
    if (position->end - body < length + 2) {
      bytes_wanted_ = static_cast<size_t>(body - position->begin) + static_cast<size_t>(length) + 2;
      return Step::kIncomplete;
    }
    body += length + 2;
    if (body[-2] != '\r' || body[-1] != '\n') return fail("no line end behind a string of " + std::to_string(length));
  }
  position->at = body;
  --pending_;
  return Step::kDone;
}

ReplyFramer::Step ReplyFramer::enter_nested(Position* position) {
  int64_t count = 0;
  const char* behind = nullptr;
  const Step step = read_length(*position, &count, &behind);
  if (step != Step::kDone) return step;
  pending_ += element_count(*position->at, count) - 1;
  if (pending_ > kMaxPending) return fail("too many elements");
  position->at = behind;
  return Step::kDone;
}

ReplyFramer::Step ReplyFramer::read_length(const Position& position, int64_t* length, const char** behind) {
  *behind = read_plain_length(position.at + 1, position.end, length);
  if (*behind == nullptr) [[unlikely]] {
    const std::string_view head(position.at, std::min(position.left(), kMaxLengthLine));
    const size_t line_end = head.find("\r\n");
    if (line_end == std::string_view::npos) {
      return head.size() < kMaxLengthLine ? Step::kIncomplete : fail("a length without end");
    }
    const std::string_view text = head.substr(1, line_end - 1);
    const bool null = text == "-1" && (head.front() == '$' || head.front() == '*');
    if (!null) return fail("not a length: " + std::string(head.substr(0, line_end)));
    *length = -1;
    *behind = position.at + line_end + 2;
  }
  return *length <= kMaxLength ? Step::kDone : fail("too large a length: " + std::to_string(*length));
}

ReplyFramer::Step ReplyFramer::fail(std::string text) {
  error_ = "not a reply of Redis: " + std::move(text);
  return Step::kError;
}

namespace {

// Takes apart what ReplyFramer has found to be one whole reply: lengths and line ends are known to be right.
class ReplyReader {
 public:
  explicit ReplyReader(std::string_view data) : rest_(data) {}

  // False when something is wrong; error() says what.
  bool read(ReplyValue* value, int depth = 0) {
    if (depth > kMaxDepth) return fail("nested too deeply");
    char type = rest_.front();
    std::string_view line = take_line();
    while (type == '|') {
      if (!skip_values(*parse_integer(line) * 2, depth)) return false;
      type = rest_.front();
      line = take_line();
    }
    switch (type) {
      case '+':
      case ',':
      case '(': return set_text(value, ReplyValue::Kind::kString, line);
      case '-': return set_text(value, ReplyValue::Kind::kError, line);
      case '!': return set_text(value, ReplyValue::Kind::kError, take_body(line));
      case '$': return line == "-1" || set_text(value, ReplyValue::Kind::kString, take_body(line));
      case '=': return read_verbatim(value, take_body(line));
      case '_': return line.empty() || fail("a null with content");
      case '#': return read_boolean(value, line);
      case ':': return read_integer(value, line);
      default: return line == "-1" || read_elements(value, element_count(type, *parse_integer(line)), depth);
    }
  }

  const std::string& error() const { return error_; }

 private:
  // What stands between the type's byte and the line end.
  std::string_view take_line() {
    const size_t end = rest_.find("\r\n");
    const std::string_view line = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 2);
    return line;
  }

  std::string_view take_body(std::string_view length_line) {
    const size_t length = static_cast<size_t>(*parse_integer(length_line));
    const std::string_view body = rest_.substr(0, length);
    rest_.remove_prefix(length + 2);
    return body;
  }

  bool set_text(ReplyValue* value, ReplyValue::Kind kind, std::string_view text) {
    value->kind = kind;
    value->text = text;
    return true;
  }

  bool read_verbatim(ReplyValue* value, std::string_view body) {
    if (body.size() < 4 || body[3] != ':') return fail("a verbatim string without its format");
    return set_text(value, ReplyValue::Kind::kString, body.substr(4));
  }

  bool read_boolean(ReplyValue* value, std::string_view line) {
    if (line != "t" && line != "f") return fail("not a boolean: " + std::string(line));
    value->kind = ReplyValue::Kind::kInteger;
    value->integer = line == "t" ? 1 : 0;
    return true;
  }

  bool read_integer(ReplyValue* value, std::string_view line) {
    if (line.starts_with('+')) line.remove_prefix(1);
    const std::optional<int64_t> number = parse_integer(line);
    if (!number) return fail("not an integer: " + std::string(line));
    value->kind = ReplyValue::Kind::kInteger;
    value->integer = *number;
    return true;
  }

  bool read_elements(ReplyValue* value, int64_t count, int depth) {
    value->kind = ReplyValue::Kind::kArray;
    value->elements.resize(static_cast<size_t>(count));  // they are all there: each took three bytes at least
    for (ReplyValue& element : value->elements) {
      if (!read(&element, depth + 1)) return false;
    }
    return true;
  }

  bool skip_values(int64_t count, int depth) {
    for (int64_t i = 0; i < count; ++i) {
      ReplyValue skipped;
      if (!read(&skipped, depth + 1)) return false;
    }
    return true;
  }

  bool fail(std::string text) {
    error_ = "not a reply of Redis: " + std::move(text);
    return false;
  }

  std::string_view rest_;
  std::string error_;
};

}  // namespace

void ReplyStream::clear() {
  buffer_.clear();
  taken_ = 0;
  framer_ = ReplyFramer();
}

std::string_view ReplyStream::next() {
  const std::string_view rest = std::string_view(buffer_).substr(taken_);
  if (framer_.next(rest) == ReplyFramer::Status::kComplete) {
    taken_ += framer_.consumed();
    return rest.substr(0, framer_.consumed());
  }
  buffer_.erase(0, taken_);
  taken_ = 0;
  return {};
}

std::string error_text(std::string_view reply) { return std::string(reply.substr(1, reply.find('\r') - 1)); }

std::vector<std::string> split_replies(std::string_view replies) {
  std::vector<std::string> all;
  while (!replies.empty()) {
    ReplyFramer framer;
    if (framer.next(replies) != ReplyFramer::Status::kComplete) break;
    all.emplace_back(replies.substr(0, framer.consumed()));
    replies.remove_prefix(framer.consumed());
  }
  return all;
}

Result<ReplyValue> parse_reply(std::string_view data) {
  ReplyFramer framer;
  switch (framer.next(data)) {
    case ReplyFramer::Status::kError: return Error{framer.error()};
    case ReplyFramer::Status::kIncomplete: return Error{"not a whole reply of Redis: it ends too early"};
    case ReplyFramer::Status::kComplete: break;
  }
  if (framer.consumed() != data.size()) return Error{"more than one reply of Redis"};
  ReplyReader reader(data);
  ReplyValue value;
  if (!reader.read(&value)) return Error{reader.error()};
  return value;
}

void append_simple(std::string* out, std::string_view text) { out->append("+").append(text).append("\r\n"); }

void append_error(std::string* out, std::string_view text) {
  text = text.substr(0, text.find_last_not_of("\r\n") + 1);
  out->push_back('-');
  const size_t start = out->size();
  out->append(text);
  std::replace_if(
      out->begin() + static_cast<ptrdiff_t>(start), out->end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out->append("\r\n");
}

void append_integer(std::string* out, int64_t value) { append_number_line(out, ':', value); }

void append_bulk(std::string* out, std::string_view text) {
  append_number_line(out, '$', static_cast<int64_t>(text.size()));
  out->append(text).append("\r\n");
}

void append_array_header(std::string* out, size_t count) { append_number_line(out, '*', static_cast<int64_t>(count)); }

void append_null(std::string* out, Protocol protocol) {
  out->append(protocol == Protocol::kResp2 ? "$-1\r\n" : "_\r\n");
}

void append_null_array(std::string* out, Protocol protocol) {
  out->append(protocol == Protocol::kResp2 ? "*-1\r\n" : "_\r\n");
}

void append_map_header(std::string* out, size_t pairs, Protocol protocol) {
  if (protocol == Protocol::kResp2) return append_array_header(out, 2 * pairs);
  append_number_line(out, '%', static_cast<int64_t>(pairs));
}

void append_set_header(std::string* out, size_t count, Protocol protocol) {
  append_number_line(out, protocol == Protocol::kResp2 ? '*' : '~', static_cast<int64_t>(count));
}

void append_push_header(std::string* out, size_t count, Protocol protocol) {
  append_number_line(out, protocol == Protocol::kResp2 ? '*' : '>', static_cast<int64_t>(count));
}

void append_verbatim(std::string* out, std::string_view text, Protocol protocol) {
  if (protocol == Protocol::kResp2) return append_bulk(out, text);
  append_number_line(out, '=', static_cast<int64_t>(text.size()) + 4);
  out->append("txt:").append(text).append("\r\n");
}

}  // namespace holdfast
