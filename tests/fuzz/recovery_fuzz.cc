// What holdfast-recover takes: times from its user, records that it shows, and what two Redis servers answer while it
// compares them.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/check.h"
#include "core/shard/users.h"
#include "recovery/compare.h"
#include "recovery/moment.h"
#include "recovery/record_text.h"
#include "recovery/summary.h"
#include "tests/fuzz/forged.h"
#include "tests/fuzz/fuzz.h"

namespace holdfast::fuzz {

namespace {

void fuzz_moments(std::string_view bytes) {
  constexpr int64_t kNow = 1'700'000'000'000;
  constexpr int64_t kYear10000 = 253'402'300'800'000, kYear0 = -62'167'219'200'000;
  const Result<int64_t> moment = parse_moment(bytes, kNow);
  if (!moment.ok()) {
    HOLDFAST_CHECK(!moment.error().empty());
    return;
  }
  HOLDFAST_CHECK(!local_text(*moment).empty());
  const std::string text = utc_text(*moment);
  if (*moment < kYear0 || *moment >= kYear10000) return;
  const Result<int64_t> again = parse_moment(text, kNow);
  HOLDFAST_CHECK(again.ok() && *again == *moment);
}

// Two lines: a header, and what to filter by; then the value. A record that counts has segments that fit its value.
void fuzz_record_text(std::string_view bytes) {
  const std::string_view header = take_line(&bytes), key = take_line(&bytes);
  Result<Record> record = parse_header(header);
  if (!record.ok()) return;
  record->value = bytes;
  std::vector<RecordPart> parts = parts_of(*record);
  for (const bool filtered : {false, true}) {
    if (filtered) filter_key(key, &parts);
    HOLDFAST_CHECK(record_text(*record, parts, filtered).ends_with('\n'));
    const std::string json = to_line(record_json(*record, parts));
    HOLDFAST_CHECK(is_utf8(json));
  }
}

// Two servers, one after the other, that say what they say and then nothing more.
class Servers {
 public:
  Servers() {
    char directory[] = "/tmp/holdfast-fuzz.XXXXXX";
    HOLDFAST_CHECK(mkdtemp(directory) != nullptr);
    address_.unix_path = std::string(directory) + "/redis";
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address_.unix_path.copy(name.sun_path, sizeof name.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HOLDFAST_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0 && listen(listener_, 2) == 0);
    directory_ = directory;
  }
  ~Servers() {
    unlink(address_.unix_path.c_str());
    rmdir(directory_.c_str());
  }

  void compare(std::string_view left_says, std::string_view right_says) {
    std::vector<int> connections;
    std::thread server([&] {
      for (const std::string_view says : {left_says, right_says}) {
        const int connection = connections.emplace_back(accept(listener_, nullptr, nullptr));
        const std::string all = "+OK\r\n" + std::string(says);
        HOLDFAST_CHECK(send(connection, all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
        shutdown(connection, SHUT_WR);
      }
    });
    Result<RedisClient> left = RedisClient::connect(address_, {});
    Result<RedisClient> right = RedisClient::connect(address_, {});
    server.join();
    if (left.ok() && right.ok()) {
      constexpr size_t kMost = 10;
      Comparison comparison(&*left, &*right, {"Redis", "the log"});
      Progress progress("comparing", "keys");
      const Result<Done> done = comparison.run(2, kMost, &progress);
      HOLDFAST_CHECK(done.ok() || !done.error().empty());
      HOLDFAST_CHECK(comparison.differences().size() <= kMost);
    }
    for (const int connection : connections) close(connection);
  }

 private:
  std::string directory_;
  Address address_;
  int listener_ = -1;
};

// What the left one says, a line "==", what the right one says.
void fuzz_compare(std::string_view bytes) {
  static Servers servers;
  constexpr std::string_view kBetween = "==\n";
  const size_t between = std::min(bytes.find(kBetween), bytes.size());
  const std::string_view left = bytes.substr(0, between);
  keys_by_database(bytes);
  info_value(bytes, "run_id");
  servers.compare(left, bytes.substr(std::min(between + kBetween.size(), bytes.size())));
}

// An ACL file, or what a USERS record says: it means the same when it is written and read again.
void fuzz_users(std::string_view bytes) {
  const Users users = parse_user_text(bytes);
  const std::string text = user_text(users);
  HOLDFAST_CHECK(user_text(parse_user_text(text)) == text);
  HOLDFAST_CHECK(users.size() == parse_users(user_lines(users)).size());
  for (const auto& [name, user] : users) {
    HOLDFAST_CHECK(!is_own_user(name) && user_of(shadow_of(name)) == name);
    HOLDFAST_CHECK(without_shadow(shadow_of(name)).size() <= name.size());
    HOLDFAST_CHECK(user.restricted || user.rules.find("+@all") != std::string::npos);
  }
}

const Registration kMoments("moments", fuzz_moments), kRecordText("record-text", fuzz_record_text),
    kCompare("compare", fuzz_compare), kUsers("users", fuzz_users);

}  // namespace

}  // namespace holdfast::fuzz
