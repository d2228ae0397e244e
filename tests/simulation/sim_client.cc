#include "tests/simulation/sim_client.h"

#include <algorithm>

#include <utility>

#include "core/resp/request.h"

namespace holdfast::simulation {
namespace {

// No value of the simulation looks like one.
bool has_null_of(std::string_view raw, Protocol protocol) {
  std::string null;
  append_null(&null, protocol);
  return raw.starts_with(null) || raw.find("\n" + null) != std::string_view::npos;
}

}  // namespace
namespace {

using Outcome = Op::Outcome;

}  // namespace

SimClient::SimClient(int number, SimClock* clock, Rng* rng, Coverage* coverage, SimWorld* world,
                     const SimClientOptions& options)
    : number_(number),
      clock_(clock),
      rng_(rng),
      coverage_(coverage),
      world_(world),
      options_(options),
      operations_left_(options.operations) {
  accounts_ = make_accounts(number, options.accounts, [this](const std::string& what) {
    if (options_.strict) world_->fail("key " + what);
  });
}

void SimClient::start() {
  clock_->in(rng_->between(0, 20 * kMs), [this] { work(); });
}

void SimClient::work() {
  if (!stream_ && (operations_left_ > 0 || !under_way_.empty())) connect();
  if (stream_ && !half_closed_ && static_cast<int64_t>(under_way_.size()) < options_.pipeline && operations_left_ > 0) {
    send_next();
    const bool blocks =
        std::any_of(under_way_.begin(), under_way_.end(), [](const UnderWay& one) { return one.op.blocks; });
    if (!blocks && rng_->chance(options_.half_close_rate)) {
      half_closed_ = true;
      stream_->end(0);
    }
    if (rng_->chance(options_.disconnect_rate)) disconnect();
  }
  // After an error it waits a little: nothing is learnt from being refused all the time.
  const int64_t pause = std::exchange(refused_, false) ? 300 * kMs : options_.think_us;
  if (operations_left_ > 0) clock_->in(rng_->between(0, pause), [this] { work(); });
}

// A connection that the proxy may still read from could bring old requests behind the new ones: no order is promised
// between two connections.
void SimClient::connect() {
  if (session_ != 0 && world_->session_alive(session_)) return;
  stream_ = world_->connect_client(rng_->chance(options_.slow_rate), &session_);
  if (!stream_) return;
  half_closed_ = false;
  input_.clear();
  framer_ = ReplyFramer();
  protocol_ = rng_->chance(options_.resp3_rate) ? Protocol::kResp3 : Protocol::kResp2;
  greeting_due_ = protocol_ == Protocol::kResp3;
  if (greeting_due_) coverage_->count("client: RESP3");
  stream_->attach(0, {[this, session = session_](std::string_view data) {
                        if (session == session_) on_data(data);
                      },
                      [this, session = session_] {
                        if (session == session_) on_closed();
                      }});
  if (greeting_due_) stream_->send(0, "HELLO 3\r\n");
}

void SimClient::disconnect() {
  if (!stream_) return;
  coverage_->count("client: disconnects");
  rng_->chance(0.5) ? stream_->close(0) : stream_->cut();
  on_closed();
}

void SimClient::on_closed() {
  stream_.reset();
  for (const auto& account : accounts_) account->disconnected();
  for (UnderWay& lost : std::exchange(under_way_, {})) {
    lost.unknown = true;
    finish(std::move(lost));
  }
}

void SimClient::send_next() {
  Account* account = accounts_[static_cast<size_t>(rng_->below(static_cast<int64_t>(accounts_.size())))].get();
  for (const auto& other : accounts_) {
    if (other->exclusive()) account = other.get();
  }
  if (!account->due()) return;
  operations_left_--;
  UnderWay next{account, account->next(rng_), 0, clock_->now_us()};
  next.op.sent_ms = clock_->unix_ms();
  next.replies_due = next.op.requests.size();
  requests_ += next.replies_due;
  std::string bytes;
  for (const Words& words : next.op.requests) append_request(&bytes, {words.begin(), words.end()});
  under_way_.push_back(std::move(next));
  stream_->send(0, std::move(bytes));
}

void SimClient::on_data(std::string_view data) {
  input_.append(data);
  while (stream_ && !input_.empty()) {
    const ReplyFramer::Status status = framer_.next(input_);
    if (status == ReplyFramer::Status::kIncomplete) return;
    if (status == ReplyFramer::Status::kError) return world_->fail("a client got what is no reply");
    const std::string_view raw = std::string_view(input_).substr(0, framer_.consumed());
    const Result<ReplyValue> reply = parse_reply(raw);
    if (has_null_of(raw, protocol_ == Protocol::kResp2 ? Protocol::kResp3 : Protocol::kResp2)) {
      return world_->fail("a client got a null of the other protocol: " + std::string(raw));
    }
    input_.erase(0, framer_.consumed());
    if (!reply.ok()) return world_->fail("a client got what is no reply: " + reply.error());
    if (std::exchange(greeting_due_, false)) continue;
    if (under_way_.empty()) return world_->fail("a client got a reply that it did not ask for: " + reply->text);
    on_reply(*reply);
  }
}

void SimClient::take_error(UnderWay* under_way, const std::string& text) {
  const std::string word = text.substr(0, text.find(' '));
  coverage_->count("reply: " + word);
  if (word == "UNKNOWN") {
    under_way->unknown = true;
  } else if (word == "NOTWRITTEN" || word == "LOADING" || word == "UNAVAILABLE" || word == "OOM" || word == "MISCONF") {
    under_way->not_written = true;
  } else if (word == "EXECABORT") {
    under_way->refused = true;
  } else {
    under_way->refused = true;
    // On keys of its own a client makes no mistakes.
    if (under_way->account->strict() && options_.strict) {
      world_->fail("client " + std::to_string(number_) + " got an error that it did not earn: " + text);
    }
  }
}

void SimClient::on_reply(const ReplyValue& reply) {
  UnderWay& front = under_way_.front();
  if (reply.is_error()) take_error(&front, reply.text);
  for (const ReplyValue& element : reply.elements) {
    if (element.is_error()) take_error(&front, element.text);
  }
  front.op.reply = reply;
  if (--front.replies_due > 0) return;
  UnderWay done = std::move(front);
  under_way_.pop_front();
  finish(std::move(done));
}

void SimClient::finish(UnderWay done) {
  done.op.answered_ms = clock_->unix_ms();
  refused_ = refused_ || done.not_written || done.unknown;
  const Outcome outcome = done.unknown                       ? Outcome::kUnknown
                          : done.not_written || done.refused ? Outcome::kNotWritten
                                                             : Outcome::kDone;
  coverage_->count(outcome == Outcome::kDone      ? "operation: done"
                   : outcome == Outcome::kUnknown ? "operation: unknown"
                                                  : "operation: not written");
  if (options_.no_errors && (done.unknown || done.not_written)) {
    world_->fail("client " + std::to_string(number_) +
                 " was refused or not answered, and nothing had happened: " + done.op.reply.text);
  }
  done.account->settle(done.op, outcome);
}

void SimClient::check_patience() {
  if (!stream_ || under_way_.empty() || clock_->now_us() - under_way_.front().sent_us < options_.patience_us) return;
  std::string request;
  for (const std::string& word : under_way_.front().op.requests.front()) request += " " + word.substr(0, 30);
  world_->fail("client " + std::to_string(number_) + " waits without an answer for" + request);
}

void SimClient::check(const Dataset& data) {
  for (const std::unique_ptr<Account>& account : accounts_) account->check(data, clock_->unix_ms());
}

}  // namespace holdfast::simulation
