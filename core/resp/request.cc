#include "core/resp/request.h"

#include <algorithm>
#include <cstring>

#include "core/resp/integer.h"

namespace holdfast {

namespace {

constexpr int64_t kUnauthenticatedArgs = 10;
constexpr int64_t kUnauthenticatedBytes = 16384;

// What one rare, large request made a vector or string grow to is given back beyond these sizes.
constexpr size_t kKeptArgs = 1024;
constexpr size_t kKeptBytes = 64UL * 1024;

template <class Container>
void give_back(Container* container, size_t kept) {
  if (container->capacity() > kept) [[unlikely]] {
    Container{}.swap(*container);
  }
}

size_t find_byte(std::string_view data, size_t from, size_t to, char byte) {
  const void* found = from < to ? std::memchr(data.data() + from, byte, to - from) : nullptr;
  return found == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(found) - data.data());
}

// isspace() of the "C" locale.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char unescape(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

// Splits a line into arguments by the rules of Redis's sdssplitargs. The line holds no NUL.
class InlineSplitter {
 public:
  // The arguments are written into `text`, one behind the other.
  InlineSplitter(std::string_view line, std::string* text) : line_(line), text_(text) {
    text_->clear();
    text_->reserve(line.size());  // no argument is longer than what it is written as: `text` does not move
  }

  // False when quotes are not balanced.
  bool split(std::vector<std::string_view>* argv) {
    while (true) {
      while (at_ < line_.size() && is_space(line_[at_])) ++at_;
      if (at_ == line_.size()) return true;
      const size_t start = text_->size();
      if (!read_argument()) return false;
      argv->emplace_back(text_->data() + start, text_->size() - start);
    }
  }

 private:
  // NUL behind the end, as in the C string that Redis looks at.
  char peek(size_t ahead = 0) const { return at_ + ahead < line_.size() ? line_[at_ + ahead] : '\0'; }

  bool read_argument() {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      switch (c) {
        case ' ':
        case '\n':
        case '\r':
        case '\t':  // but not '\v' and '\f', which only count as space in front of an argument
          return true;
        case '"': return read_double_quoted();
        case '\'': return read_single_quoted();
        default: text_->push_back(c);
      }
    }
    return true;
  }

  bool read_double_quoted() {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == '"') return at_closing_quote();
      if (c != '\\' || at_ == line_.size()) {
        text_->push_back(c);
      } else if (peek() == 'x' && hex_value(peek(1)) >= 0 && hex_value(peek(2)) >= 0) {
        text_->push_back(static_cast<char>(hex_value(peek(1)) * 16 + hex_value(peek(2))));
        at_ += 3;
      } else {
        text_->push_back(unescape(line_[at_++]));
      }
    }
    return false;
  }

  bool read_single_quoted() {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == '\'') return at_closing_quote();
      if (c == '\\' && peek() == '\'') {
        text_->push_back('\'');
        ++at_;
      } else {
        text_->push_back(c);
      }
    }
    return false;
  }

  // A closing quote ends the argument: nothing but space may follow.
  bool at_closing_quote() const { return at_ == line_.size() || is_space(line_[at_]); }

  std::string_view line_;
  std::string* text_;
  size_t at_ = 0;
};

}  // namespace

struct RequestParser::HeaderKind {
  char mark;
  std::string_view too_big;
  std::string_view invalid;
};

RequestParser::Status RequestParser::parse(std::string_view data) {
  if (!error_.empty()) [[unlikely]] {
    return Status::kError;
  }
  if (data.empty() || data.size() < bytes_wanted_) return Status::kIncomplete;
  return data.front() == '*' ? parse_array(data) : parse_inline(data);
}

RequestParser::Status RequestParser::parse_array(std::string_view data) {
  static constexpr HeaderKind kArray{'*', "too big mbulk count string", "invalid multibulk length"};
  static constexpr HeaderKind kBulk{'$', "too big bulk count string", "invalid bulk length"};
  const char* const base = data.data();
  const char* const end = base + data.size();
  const char* p = base + cursor_;

  if (args_left_ < 0) {
    ranges_.clear();
    int64_t count = 0;
    p = read_plain_length(base + 1, end, &count);
    if (p == nullptr) [[unlikely]] {
      size_t behind = 0;
      const Status status = read_header(data, 0, kArray, &count, &behind);
      if (status != Status::kComplete) return status;
      p = base + behind;
    }
    if (count > limits_.max_args) return fail(kArray.invalid);
    if (limits_.unauthenticated && count > kUnauthenticatedArgs) return fail("unauthenticated multibulk length");
    args_left_ = std::max<int64_t>(count, 0);
  }

  for (; args_left_ > 0; --args_left_) {
    int64_t length = 0;
    const char* body = p != end && *p == '$' ? read_plain_length(p + 1, end, &length) : nullptr;
    if (body == nullptr) [[unlikely]] {
      parsed_ = cursor_ = static_cast<size_t>(p - base);
      size_t behind = 0;
      const Status status = read_header(data, cursor_, kBulk, &length, &behind);
      if (status != Status::kComplete) return status;
      body = base + behind;
    }
    if (length < 0 || length > limits_.max_bulk_bytes) return fail(kBulk.invalid);
    if (limits_.unauthenticated && length > kUnauthenticatedBytes) return fail("unauthenticated bulk length");
    if (end - body < length + 2) {
      cursor_ = static_cast<size_t>(p - base);
      parsed_ = static_cast<size_t>(body - base);
      bytes_wanted_ = parsed_ + static_cast<size_t>(length) + 2;
      return Status::kIncomplete;
    }
    ranges_.push_back({static_cast<size_t>(body - base), static_cast<size_t>(length)});
    if (body[length] != '\r' || body[length + 1] != '\n') exact_ = false;
    p = body + length + 2;
  }

  give_back(&argv_, std::max(kKeptArgs, ranges_.size()));
  argv_.resize(ranges_.size());
  for (size_t i = 0; i < ranges_.size(); ++i) argv_[i] = {base + ranges_[i].offset, ranges_[i].length};
  give_back(&ranges_, kKeptArgs);

  const size_t size = static_cast<size_t>(p - base);
  if (argv_.empty()) {
    canonical_ = {};
  } else if (exact_) {
    canonical_ = data.substr(0, size);
  } else {
    give_back(&rebuilt_, kKeptBytes);
    rebuilt_.clear();
    append_request(&rebuilt_, argv_);
    canonical_ = rebuilt_;
  }
  return complete(size);
}

RequestParser::Status RequestParser::read_header(std::string_view data, size_t at, const HeaderKind& kind,
                                                 int64_t* value, size_t* end) {
  const size_t from = std::max(at, scanned_);
  const size_t to = std::min(data.size(), at + limits_.max_inline_bytes + 1);
  const size_t line_end = find_byte(data, from, to, '\r');
  // Redis does not see a line end behind a NUL: it waits until the line is too long. The same answer, but at once.
  if (find_byte(data, from, std::min(to, line_end), '\0') != std::string_view::npos) return fail(kind.too_big);
  if (line_end == std::string_view::npos) {
    if (to - at > limits_.max_inline_bytes) return fail(kind.too_big);
    scanned_ = std::max(from, to);
    return Status::kIncomplete;
  }
  if (line_end + 1 == data.size()) {
    scanned_ = line_end;
    return Status::kIncomplete;
  }
  if (data[at] != kind.mark) {
    const char got = data[at] == '\r' || data[at] == '\n' ? ' ' : data[at];  // an error is one line
    return fail(std::string("expected '") + kind.mark + "', got '" + got + "'");
  }
  const std::optional<int64_t> number = parse_integer(data.substr(at + 1, line_end - at - 1));
  if (!number) return fail(kind.invalid);
  if (data[line_end + 1] != '\n') exact_ = false;
  *value = *number;
  *end = line_end + 2;
  return Status::kComplete;
}

RequestParser::Status RequestParser::parse_inline(std::string_view data) {
  const size_t to = std::min(data.size(), limits_.max_inline_bytes + 1);
  const size_t line_end = find_byte(data, scanned_, to, '\n');
  // As in read_header().
  const bool nul = find_byte(data, scanned_, std::min(to, line_end), '\0') != std::string_view::npos;
  if (nul || (line_end == std::string_view::npos && to > limits_.max_inline_bytes)) {
    return fail("too big inline request");
  }
  if (line_end == std::string_view::npos) {
    scanned_ = to;
    return Status::kIncomplete;
  }
  std::string_view line = data.substr(0, line_end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  give_back(&argv_, kKeptArgs);
  argv_.clear();
  if (!InlineSplitter(line, &inline_text_).split(&argv_)) return fail("unbalanced quotes in request");
  give_back(&rebuilt_, kKeptBytes);
  rebuilt_.clear();
  if (!argv_.empty()) append_request(&rebuilt_, argv_);
  canonical_ = rebuilt_;
  return complete(line_end + 1);
}

RequestParser::Status RequestParser::complete(size_t consumed) {
  consumed_ = consumed;
  args_left_ = -1;
  cursor_ = 0;
  scanned_ = 0;
  bytes_wanted_ = 0;
  parsed_ = 0;
  exact_ = true;
  return Status::kComplete;
}

RequestParser::Status RequestParser::fail(std::string_view text) {
  error_ = "ERR Protocol error: ";
  error_ += text;
  return Status::kError;
}

std::vector<std::string_view> auth_request(std::string_view username, std::string_view password) {
  if (username.empty()) return {"AUTH", password};
  return {"AUTH", username, password};
}

void append_request(std::string* out, const std::vector<std::string_view>& argv) {
  append_number_line(out, '*', static_cast<int64_t>(argv.size()));
  for (const std::string_view arg : argv) {
    append_number_line(out, '$', static_cast<int64_t>(arg.size()));
    out->append(arg).append("\r\n");
  }
}

}  // namespace holdfast
