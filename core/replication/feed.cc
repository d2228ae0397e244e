#include "core/replication/feed.h"
#include "core/resp/words.h"

#include <charconv>

namespace holdfast {
bool Feed::on_data(std::string_view data, std::string* out) {
  buffer_.append(data);
  std::string_view rest = buffer_;
  bool good = true;
  while (good && !rest.empty()) {
    const RequestParser::Status status = parser_.parse(rest);
    if (status == RequestParser::Status::kIncomplete) break;
    if (status == RequestParser::Status::kError) return false;
    const auto& argv = parser_.argv();
    if (argv.empty()) {
      // an empty line
    } else if (same_word(argv[0], "PING")) {
      *out += "+PONG\r\n";
    } else if (same_word(argv[0], "REPLCONF") && argv.size() == 3 && same_word(argv[1], "ACK")) {
      std::from_chars(argv[2].data(), argv[2].data() + argv[2].size(), acked_);
    } else if (same_word(argv[0], "REPLCONF") && argv.size() >= 3 && same_word(argv[1], "rdb-channel-repl")) {
      *out += "-ERR one channel is enough\r\n";
    } else if (same_word(argv[0], "REPLCONF") || same_word(argv[0], "AUTH")) {
      // Whoever can reach this address may be fed; who is fed is decided by whose REPLICAOF was ours.
      *out += "+OK\r\n";
    } else if (same_word(argv[0], "PSYNC") || same_word(argv[0], "SYNC")) {
      *out += "+FULLRESYNC " + replid_ + " " + std::to_string(offset_) + "\r\n";
      wants_rdb_ = true;
    } else {
      good = false;
    }
    rest.remove_prefix(parser_.consumed());
  }
  buffer_.erase(0, buffer_.size() - rest.size());
  return good;
}

std::string Feed::rdb_header(int64_t bytes) {
  wants_rdb_ = false;
  return "$" + std::to_string(bytes) + "\r\n";
}

void Feed::stream(std::string_view commands, std::string* out) {
  out->append(commands);
  offset_ += static_cast<int64_t>(commands.size());
}

void Feed::ask_ack(std::string* out) {
  std::string request;
  append_request(&request, {"REPLCONF", "GETACK", "*"});
  stream(request, out);
}

}  // namespace holdfast
