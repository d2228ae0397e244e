#include "core/shard/busy_watch.h"

#include <utility>

#include "core/resp/request.h"
#include "core/resp/words.h"
#include "core/shard/users.h"

namespace holdfast {
namespace {

constexpr int64_t kSuspectMs = 50;  // without a word of Redis
constexpr int64_t kAgainMs = 20;
constexpr int64_t kStaleMs = 1000;  // Redis may say nothing for so long while it is busy: then it hangs
constexpr std::string_view kLost = "-UNAVAILABLE no second connection to Redis, which this must go by\r\n";

}  // namespace

bool is_for_busy_redis(const std::vector<std::string_view>& argv, bool busy) {
  if (argv.size() != 2) return false;
  const bool function = same_word(argv[0], "FUNCTION");
  if (same_word(argv[1], "KILL")) return function || same_word(argv[0], "SCRIPT");
  return function && busy && same_word(argv[1], "STATS");
}

bool BusyWatch::work(bool owes, int64_t now_ms) {
  if (!owes) {
    error_.clear();
    heard_ms_ = now_ms;
    return false;
  }
  if (asked_ && now_ms - asked_ms_ >= kStaleMs) error_.clear();
  const bool was_busy = !error_.empty();
  if ((was_busy || now_ms - heard_ms_ >= kSuspectMs) && !asked_ && now_ms >= next_ms_) {
    asked_ = true;
    asked_ms_ = now_ms;
    enqueue({"PING"}, [this](std::string_view reply) {
      asked_ = false;
      next_ms_ = world_->monotonic_ms() + kAgainMs;
      const bool busy = reply.starts_with("-BUSY");
      if (busy && error_.empty()) found_ = true;
      error_ = busy ? std::string(reply.substr(1, reply.size() - 3)) : std::string();
    });
  }
  return std::exchange(found_, false);
}

void BusyWatch::on_main_data(int64_t now_ms) {
  heard_ms_ = now_ms;
  next_ms_ = 0;  // it may be over: ask at once
}

void BusyWatch::ask(Protocol protocol, const std::vector<std::string_view>& argv, Answer answer) {
  const bool resp3 = protocol == Protocol::kResp3;
  if (resp3) enqueue({"HELLO", "3"}, [](std::string_view) {});
  enqueue(argv, std::move(answer));
  if (resp3) enqueue({"HELLO", "2"}, [](std::string_view) {});
}

void BusyWatch::enqueue(const std::vector<std::string_view>& argv, Answer answer) {
  Question question;
  append_request(&question.bytes, argv);
  question.answer = std::move(answer);
  if (state_ == State::kUp) return send(std::move(question));
  waiting_.push_back(std::move(question));
  if (state_ != State::kDown) return;
  state_ = State::kConnecting;
  world_->link_connect(Link::kAside);
}

void BusyWatch::send(Question question) {
  answers_.push_back(std::move(question.answer));
  world_->link_send(Link::kAside, std::move(question.bytes));
}

void BusyWatch::on_link_up() {
  if (state_ != State::kConnecting) return;
  state_ = State::kUp;
  Question sign_in;
  append_request(&sign_in.bytes, {"AUTH", kOwnUser, options_.own_password});
  sign_in.answer = [](std::string_view) {};
  send(std::move(sign_in));
  for (Question& question : std::exchange(waiting_, {})) send(std::move(question));
}

void BusyWatch::on_link_down() {
  state_ = State::kDown;
  give_up();
}

void BusyWatch::reset() {
  if (state_ != State::kDown) world_->link_close(Link::kAside);
  on_link_down();
  error_.clear();
}

void BusyWatch::give_up() {
  stream_.clear();
  for (const Answer& answer : std::exchange(answers_, {})) answer(kLost);
  for (const Question& question : std::exchange(waiting_, {})) question.answer(kLost);
}

void BusyWatch::on_data(std::string_view data) {
  stream_.add(data);
  while (!answers_.empty()) {
    const std::string_view reply = stream_.next();
    if (reply.empty()) break;
    const Answer answer = std::move(answers_.front());
    answers_.pop_front();
    answer(reply);
  }
  if (stream_.error().empty() && (!answers_.empty() || stream_.empty())) return;
  world_->note(World::Level::kWarn, "the second connection to Redis: it sent what is no reply");
  reset();
}

}  // namespace holdfast
