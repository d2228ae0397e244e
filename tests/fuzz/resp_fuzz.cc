// Requests and replies: any split of the bytes gives what the whole gives, what is valid comes out as it went in, and
// damaged bytes neither crash nor over-read, loop or make the parser allocate out of proportion.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/resp/reply.h"
#include "core/resp/request.h"
#include "core/shard/filter.h"
#include "tests/fuzz/fuzz.h"

namespace holdfast::fuzz {

namespace {

using Argv = std::vector<std::string>;

// What a parser made of a stream of bytes.
struct Outcome {
  struct Message {
    Argv argv;              // of a request
    std::string canonical;  // of a request
    size_t consumed = 0;
    bool operator==(const Message&) const = default;
  };
  std::vector<Message> messages;
  std::string error;     // empty: none
  size_t left_over = 0;  // bytes of a message that is not complete
  size_t allocated = 0;  // by the parser alone
  bool operator==(const Outcome& other) const {
    return messages == other.messages && error == other.error && (!error.empty() || left_over == other.left_over);
  }
};

struct Requests {
  using Status = RequestParser::Status;
  RequestParser parser;
  Status step(std::string_view data) { return parser.parse(data); }
  Outcome::Message message() const {
    return {Argv(parser.argv().begin(), parser.argv().end()), std::string(parser.canonical()), parser.consumed()};
  }
};

struct Replies {
  using Status = ReplyFramer::Status;
  ReplyFramer parser;
  Status step(std::string_view data) { return parser.next(data); }
  Outcome::Message message() const { return {{}, {}, parser.consumed()}; }
};

// Feeds the bytes as they would come from a socket: up to cuts[0], up to cuts[1] … each time in another place in
// memory.
template <class Feeder>
Outcome feed(std::string_view bytes, const std::vector<size_t>& cuts) {
  Feeder feeder;
  Outcome outcome;
  size_t start = 0;
  for (const size_t cut : cuts) {
    while (start < cut) {
      const ExactCopy piece(bytes.substr(start, cut - start));
      const size_t wanted = feeder.parser.bytes_wanted();
      const size_t before = allocated_bytes();
      const auto status = feeder.step(piece.view());
      outcome.allocated += allocated_bytes() - before;
      if (status == Feeder::Status::kError) {
        HOLDFAST_CHECK(!feeder.parser.error().empty());
        HOLDFAST_CHECK(feeder.step(piece.view()) == Feeder::Status::kError);
        outcome.error = feeder.parser.error();
        return outcome;
      }
      if (status == Feeder::Status::kIncomplete) break;
      outcome.messages.push_back(feeder.message());
      const size_t consumed = outcome.messages.back().consumed;
      HOLDFAST_CHECK(consumed > 0 && consumed <= piece.view().size() && consumed >= wanted);
      start += consumed;
    }
  }
  outcome.left_over = bytes.size() - start;
  return outcome;
}

template <class Feeder>
Outcome check_splits(Random* random, std::string_view bytes) {
  Outcome whole = feed<Feeder>(bytes, {bytes.size()});
  HOLDFAST_CHECK(whole == feed<Feeder>(bytes, random_cuts(random, bytes.size())));
  HOLDFAST_CHECK(whole.allocated <= 64 * bytes.size() + 4096);
  return whole;
}

std::string random_text(Random* random) {
  static constexpr size_t kSizes[] = {0, 1, 3, 8, 16, 100, 1000};
  const size_t size = random->chance(1) ? random->below(100'000) : random->between(0, random->pick(kSizes));
  std::string text = random->bytes(size);
  if (random->chance(50)) {
    for (char& c : text) c = static_cast<char>('a' + (static_cast<unsigned char>(c) % 26));
  }
  return text;
}

Argv random_argv(Random* random) {
  Argv argv(random->chance(2) ? random->between(1, 3000) : random->between(1, 8));
  for (std::string& arg : argv) arg = argv.size() > 8 ? random->bytes(random->below(4)) : random_text(random);
  return argv;
}

std::string encode(const Argv& argv) {
  std::string bytes = "*" + std::to_string(argv.size()) + "\r\n";
  for (const std::string& arg : argv) bytes += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  return bytes;
}

std::string double_quoted(Random* random, const std::string& arg) {
  static constexpr char kDigits[] = "0123456789abcdef0123456789ABCDEF";
  std::string text = "\"";
  for (const char c : arg) {
    const unsigned value = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\0' || random->chance(10)) {
      const size_t digit_case = random->chance(50) ? 16 : 0;
      text += {'\\', 'x', kDigits[digit_case + value / 16], kDigits[digit_case + value % 16]};
    } else {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text + '"';
}

std::string single_quoted(const std::string& arg) {
  std::string text = "'";
  for (const char c : arg) {
    if (c == '\'') text += '\\';
    text += c;
  }
  return text + "'";
}

std::string encode_inline(Random* random, const Argv& argv) {
  static constexpr std::string_view kSpaces[] = {" ", "  ", "\t", " \v", " \f ", "\r"};
  std::string line;
  for (const std::string& arg : argv) {
    const bool plain = !arg.empty() && arg.find_first_of(std::string_view(" \n\r\t\v\f\0\"'", 9)) == std::string::npos;
    // A backslash at the end would take the closing quote with it, and one in front of a quote has no single-quoted
    // form.
    const bool single = arg.find_first_of(std::string_view("\n\0\\", 3)) == std::string::npos;
    if (plain && random->chance(70)) {
      line += arg;
    } else {
      line += single && random->chance(50) ? single_quoted(arg) : double_quoted(random, arg);
    }
    line += random->pick(kSpaces);
  }
  return line + (random->chance(50) ? "\r\n" : "\n");
}

// Appends what is nothing to a request parser: it gives an empty argv.
void append_empty(Random* random, std::string* bytes) {
  static constexpr std::string_view kEmpty[] = {"\n", "\r\n", "*0\r\n", "*-1\r\n", "*-7\r\n", " \t\r\n"};
  *bytes += random->pick(kEmpty);
}

void fuzz_valid_requests(Random* random) {
  std::string bytes;
  std::vector<Argv> expected;
  for (size_t i = random->between(1, 6); i > 0; --i) {
    if (random->chance(10)) {
      append_empty(random, &bytes);
      expected.emplace_back();
    }
    expected.push_back(random_argv(random));
    const std::string line = random->chance(30) ? encode_inline(random, expected.back()) : "";
    const bool is_inline = !line.empty() && line.front() != '*' && line.size() <= RequestLimits{}.max_inline_bytes;
    bytes += is_inline ? line : encode(expected.back());
  }
  const Outcome outcome = check_splits<Requests>(random, bytes);
  HOLDFAST_CHECK(outcome.error.empty() && outcome.left_over == 0 && outcome.messages.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    HOLDFAST_CHECK(outcome.messages[i].argv == expected[i]);
    HOLDFAST_CHECK(outcome.messages[i].canonical == (expected[i].empty() ? "" : encode(expected[i])));
  }
}

// A parser that has seen a command of this size before must not allocate for the next.
void fuzz_steady_state(Random* random) {
  Argv argv(random->between(1, 16));
  for (std::string& arg : argv) arg = random->bytes(random->below(200));
  const std::string bytes = random->chance(50) ? encode(argv) : encode_inline(random, argv);
  if (bytes.front() == '*' && bytes != encode(argv)) return;  // an inline request that looks like an array
  RequestParser parser;
  HOLDFAST_CHECK(parser.parse(bytes) == RequestParser::Status::kComplete);
  const size_t before = allocated_bytes();
  HOLDFAST_CHECK(parser.parse(std::string_view(bytes).substr(0, random->below(bytes.size()))) !=
                 RequestParser::Status::kComplete);
  HOLDFAST_CHECK(parser.parse(bytes) == RequestParser::Status::kComplete);
  HOLDFAST_CHECK(allocated_bytes() == before);
}

void fuzz_hostile_requests(Random* random) {
  std::string bytes;
  for (size_t i = random->between(1, 4); i > 0; --i) {
    Argv argv(random->between(1, 6));
    for (std::string& arg : argv) arg = random->bytes(random->below(20));
    bytes += random->chance(40) ? encode_inline(random, argv) : encode(argv);
  }
  if (random->chance(3)) bytes.insert(random->below(bytes.size()), std::string(70'000, random->chance(50) ? '1' : ' '));
  mutate(random, &bytes);
  const Outcome outcome = check_splits<Requests>(random, bytes);
  for (const Outcome::Message& message : outcome.messages) {
    HOLDFAST_CHECK(message.canonical == (message.argv.empty() ? "" : encode(message.argv)));
  }
}

bool same(const ReplyValue& a, const ReplyValue& b) {
  return a.kind == b.kind && a.text == b.text && a.integer == b.integer &&
         std::equal(a.elements.begin(), a.elements.end(), b.elements.begin(), b.elements.end(), same);
}

std::string random_line(Random* random) {
  std::string text = random->bytes(random->below(30));
  std::replace(text.begin(), text.end(), '\n', '\r');
  if (!text.empty() && random->chance(50)) text.back() = '.';
  return text;
}

std::string random_reply(Random* random, ReplyValue* value, int depth);

std::string random_nested(Random* random, ReplyValue* value, int depth) {
  static constexpr char kTypes[] = {'*', '~', '>', '%'};
  const char type = random->pick(kTypes);
  const size_t announced = random->below(depth > 2 ? 2 : 5);
  std::string bytes = type + std::to_string(announced) + "\r\n";
  value->kind = ReplyValue::Kind::kArray;
  value->elements.resize(type == '%' ? announced * 2 : announced);
  for (ReplyValue& element : value->elements) bytes += random_reply(random, &element, depth + 1);
  return bytes;
}

std::string random_attribute(Random* random, int depth) {
  const size_t pairs = random->below(3);
  std::string bytes = "|" + std::to_string(pairs) + "\r\n";
  ReplyValue left_out;
  for (size_t i = 0; i < pairs * 2; ++i) bytes += random_reply(random, &left_out, depth + 1);
  return bytes;
}

// Makes up a reply: the bytes, and what parse_reply() must make of them.
std::string random_reply(Random* random, ReplyValue* value, int depth) {
  using Kind = ReplyValue::Kind;
  *value = {};
  const std::string attribute = depth < 4 && random->chance(5) ? random_attribute(random, depth) : "";
  if (depth < 6 && random->chance(30)) return attribute + random_nested(random, value, depth);
  static constexpr char kTypes[] = {'+', '-', ':', '$', ',', '(', '#', '!', '=', '_', '0', '1'};
  const char type = random->pick(kTypes);
  switch (type) {
    case '_': return attribute + "_\r\n";
    case '0': return attribute + "$-1\r\n";
    case '1': return attribute + "*-1\r\n";
    case ':':
      value->kind = Kind::kInteger;
      value->integer = static_cast<int64_t>(random->next() >> random->below(64));
      return attribute + ":" + std::to_string(value->integer) + "\r\n";
    case '#':
      value->kind = Kind::kInteger;
      value->integer = random->chance(50) ? 1 : 0;
      return attribute + (value->integer == 1 ? "#t\r\n" : "#f\r\n");
    case '$':
    case '!':
    case '=': {
      value->kind = type == '!' ? Kind::kError : Kind::kString;
      value->text = random_text(random);
      const std::string body = (type == '=' ? "txt:" : "") + value->text;
      return attribute + type + std::to_string(body.size()) + "\r\n" + body + "\r\n";
    }
    default: {
      value->kind = type == '-' ? Kind::kError : Kind::kString;
      value->text = random_line(random);
      return attribute + type + value->text + "\r\n";
    }
  }
}

void fuzz_valid_replies(Random* random) {
  std::string bytes;
  std::vector<size_t> sizes;
  for (size_t i = random->between(1, 5); i > 0; --i) {
    ReplyValue value;
    const std::string reply = random_reply(random, &value, 0);
    const ExactCopy copy(reply);
    const Result<ReplyValue> parsed = parse_reply(copy.view());
    HOLDFAST_CHECK(parsed.ok() && same(*parsed, value));
    bytes += reply;
    sizes.push_back(reply.size());
  }
  const Outcome outcome = check_splits<Replies>(random, bytes);
  HOLDFAST_CHECK(outcome.error.empty() && outcome.left_over == 0 && outcome.messages.size() == sizes.size());
  HOLDFAST_CHECK(outcome.allocated == 0);
  for (size_t i = 0; i < sizes.size(); ++i) HOLDFAST_CHECK(outcome.messages[i].consumed == sizes[i]);
}

void check_taken_apart(std::string_view bytes) {
  const ExactCopy copy(bytes);
  const size_t before = allocated_bytes();
  static_cast<void>(parse_reply(copy.view()).ok());
  HOLDFAST_CHECK(allocated_bytes() - before <= 64 * bytes.size() + 4096);
}

void fuzz_hostile_replies(Random* random) {
  static constexpr std::string_view kLevels[] = {"*1\r\n", "%1\r\n+k\r\n", "|1\r\n+k\r\n+v\r\n", "*2\r\n"};
  std::string bytes;
  if (random->chance(3)) {
    const std::string_view level = random->pick(kLevels);
    for (size_t i = random->below(20'000); i > 0; --i) bytes += level;
  }
  ReplyValue value;
  bytes += random_reply(random, &value, 0);
  mutate(random, &bytes);
  const Outcome outcome = check_splits<Replies>(random, bytes);
  size_t start = 0;
  for (const Outcome::Message& message : outcome.messages) {
    check_taken_apart(std::string_view(bytes).substr(start, message.consumed));
    start += message.consumed;
  }
  check_taken_apart(bytes);
}

void fuzz_request_bytes(std::string_view bytes) {
  Random random = random_from(bytes);
  for (const Outcome::Message& message : check_splits<Requests>(&random, bytes).messages) {
    HOLDFAST_CHECK(message.canonical == (message.argv.empty() ? "" : encode(message.argv)));
  }
}

void fuzz_reply_bytes(std::string_view bytes) {
  Random random = random_from(bytes);
  const Outcome outcome = check_splits<Replies>(&random, bytes);
  size_t start = 0;
  for (const Outcome::Message& message : outcome.messages) {
    const std::string_view reply = bytes.substr(start, message.consumed);
    check_taken_apart(reply);
    for (const Filter filter : {Filter::kInfo, Filter::kConfigGet}) {
      const std::string filtered = filter_reply(filter, reply, Visible{});
      HOLDFAST_CHECK(!filtered.empty());
    }
    start += message.consumed;
  }
  check_taken_apart(bytes);
  HOLDFAST_CHECK(split_replies(bytes).size() >= outcome.messages.size());
}

void fuzz_resp(Random* random) {
  static constexpr void (*kParts[])(Random*) = {fuzz_valid_requests, fuzz_steady_state, fuzz_hostile_requests,
                                                fuzz_valid_replies, fuzz_hostile_replies};
  random->pick(kParts)(random);
}

const Registration kResp("resp", fuzz_resp);
const Registration kRequests("requests", fuzz_request_bytes);
const Registration kReplies("replies", fuzz_reply_bytes);

}  // namespace

}  // namespace holdfast::fuzz
