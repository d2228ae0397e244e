#include "core/shard/backend.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/check.h"
#include "core/resp/request.h"
#include "core/shard/memory_watch.h"
#include "core/shard/users.h"

namespace holdfast {
namespace {

constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";
constexpr std::string_view kDiscard = "*1\r\n$7\r\nDISCARD\r\n";
constexpr std::string_view kRole = "*1\r\n$4\r\nROLE\r\n";
void append_hello(std::string* out, Protocol protocol) {
  append_request(out, {"HELLO", protocol == Protocol::kResp2 ? "2" : "3"});
}

void append_sign_in(std::string* out, std::string_view user, std::string_view password) {
  append_request(out, {"AUTH", user.empty() ? kOwnUser : user, password});
}

constexpr std::string_view kOk = "+OK\r\n";

bool for_a_client(const Op& op) { return op.kind != Op::Kind::kLocal && op.waiter.session != 0; }

}  // namespace

void Backend::reset() {
  db_ = -1;
  user_.clear();
  protocol_ = Protocol::kResp2;  // of every new connection
  out_.clear();
  in_.clear();
  framer_ = ReplyFramer();
  owed_.clear();
  running_.clear();
  reads_.members.clear();
  read_groups_.clear();
  answers_.clear();
  own_calls_.end();
}

std::vector<Waiter> Backend::owed_reads() const {
  std::vector<Waiter> waiters;
  for (const ReplyGroup& group : read_groups_) {
    for (const ReplyGroup::Member& member : group.members) waiters.push_back(member.waiter);
  }
  for (const ReplyGroup::Member& member : reads_.members) waiters.push_back(member.waiter);
  return waiters;
}

std::vector<Waiter> Backend::reads_behind() const {
  std::vector<Waiter> waiters;
  std::optional<SessionId> first;
  for (const Owed& owed : owed_) {
    if (owed.what == Expect::kIgnored || owed.what == Expect::kSelect || owed.what == Expect::kHello ||
        owed.what == Expect::kSignIn) {
      continue;
    }
    if (!first) {
      const bool reads = owed.what == Expect::kUnit && running_.front().owned;
      first = reads ? running_.front().owned->ops.front().waiter.session : owed.waiter.session;
    }
    if (owed.what == Expect::kRead && owed.waiter.session != first) waiters.push_back(owed.waiter);
  }
  return waiters;
}

void Backend::become(std::string_view user) {
  if (user_ == user) return;
  append_sign_in(&out_, user, own_password_);
  user_ = user;
  owed_.push_back(Owed{Expect::kSignIn, {}});
}

// Which a restricted user might not be allowed to do.
void Backend::select(int db) {
  if (db_ == db) return;
  become({});
  append_select(&out_, db, &db_);
  owed_.push_back(Owed{Expect::kSelect, {}});
}

void Backend::speak(Protocol protocol) {
  if (protocol_ == protocol) return;
  append_hello(&out_, protocol);
  protocol_ = protocol;
  owed_.push_back(Owed{Expect::kHello, {}});
}

void Backend::read(const Waiter& waiter, uint64_t touches, int db, std::string_view command, std::string_view user) {
  select(db);
  speak(waiter.protocol);
  become(user);
  out_.append(command);
  owed_.push_back(Owed{Expect::kRead, waiter});
  reads_.members.push_back({waiter, touches});
}

void Backend::reads_at_once(std::unique_ptr<Unit> unit) {
  for (const Op& op : unit->ops) {
    if (op.last_piece) reads_.members.push_back({op.waiter, kTouchesAnything});
  }
  Running running;
  running.unit = unit.get();
  running.owned = std::move(unit);
  send_unit(std::move(running), {});
}

void Backend::apply(Batch* batch, std::string_view marker) {
  Running running;
  running.unit = batch;
  running.batch = batch;
  send_unit(std::move(running), marker);
}

void Backend::send_unit(Running running, std::string_view marker) {
  const Unit& unit = *running.unit;
  become({});
  running.plan.reserve(unit.ops.size() + 4);
  const auto first = std::find_if(unit.ops.begin(), unit.ops.end(), for_a_client);
  if (first != unit.ops.end()) speak(first->waiter.protocol);
  out_.append(kMulti);
  bool selected_inside = false, spoke_inside = false;
  auto select_inside = [&](int db) {
    if (db_ == db) return;
    selected_inside = true;
    append_select(&out_, db, &db_);
    running.plan.push_back(Running::kSelect);
  };
  auto sign_in_inside = [&](std::string_view user) {
    append_sign_in(&out_, user, own_password_);
    running.plan.push_back(Running::kSignIn);
  };
  auto limit_inside = [&](int64_t bytes) {
    append_request(&out_, {"CONFIG", "SET", "maxmemory", std::to_string(bytes)});
    running.plan.push_back(Running::kLimit);
  };
  for (size_t i = 0; i < unit.ops.size(); i++) {
    const Op& op = unit.ops[i];
    if (op.kind == Op::Kind::kLocal) continue;
    select_inside(op.db);
    if (for_a_client(op) && protocol_ != op.waiter.protocol) {
      spoke_inside = true;
      append_hello(&out_, op.waiter.protocol);
      protocol_ = op.waiter.protocol;
      running.plan.push_back(Running::kHello);
    }
    if (op.at_limit) limit_inside(kLifted);
    if (!op.user.empty()) sign_in_inside(op.user);
    out_.append(unit.bytes_of(op));
    running.plan.push_back(static_cast<int32_t>(i));
    if (!op.user.empty()) sign_in_inside({});
    if (op.at_limit) limit_inside(0);
  }
  if (running.batch != nullptr) {
    select_inside(reserved_db_);
    append_request(&out_, {"SET", kMarkerKey, marker});
    running.plan.push_back(Running::kMarker);
  }
  out_.append(kExec);
  // What is inside counts only if EXEC is carried out. What follows a batch selects anyhow.
  if (running.batch == nullptr && selected_inside) db_ = -1;
  if (spoke_inside) protocol_.reset();
  owed_.push_back(Owed{Expect::kUnit, {}});
  running_.push_back(std::move(running));
}

void Backend::ask(int db, std::string_view command, std::string_view user,
                  std::function<void(std::string_view)> answer) {
  select(db);
  become(user);
  out_.append(kMulti);
  out_.append(command);
  out_.append(kDiscard);
  owed_.push_back(Owed{Expect::kIgnored, {}});
  expect_refusal(std::move(answer));
  owed_.push_back(Owed{Expect::kIgnored, {}});
}

void Backend::ask_watch(int db, std::string_view command, std::string_view user,
                        std::function<void(std::string_view)> answer) {
  select(db);
  become(user);
  out_.append(command);
  expect_refusal(std::move(answer));
  become({});
  append_request(&out_, {"UNWATCH"});
  owed_.push_back(Owed{Expect::kIgnored, {}});
}

void Backend::expect_refusal(std::function<void(std::string_view)> answer) {
  owed_.push_back(Owed{Expect::kAnswer, {}});
  answers_.push_back([answer = std::move(answer)](std::string_view reply) {
    answer(reply.starts_with('-') ? reply : std::string_view());
  });
}

void Backend::request(int db, const std::vector<std::string_view>& argv, std::function<void(std::string_view)> answer) {
  if (db >= 0) select(db);
  request_as({}, argv, std::move(answer));
}

void Backend::request_as(std::string_view user, const std::vector<std::string_view>& argv,
                         std::function<void(std::string_view)> answer) {
  become(user);
  append_request(&out_, argv);
  owed_.push_back(Owed{Expect::kAnswer, Waiter{.command = own_calls_.number_of(argv)}});
  answers_.push_back(std::move(answer));
}

void Backend::without_marker(std::string_view read, std::string_view marker,
                             std::function<void(const std::string& reply)> answer) {
  become({});
  select(reserved_db_);
  out_.append(kMulti);
  append_request(&out_, {"DEL", kMarkerKey});
  out_.append(read);
  append_request(&out_, {"SET", kMarkerKey, marker});
  out_.append(kExec);
  for (int i = 0; i < 4; i++) owed_.push_back(Owed{Expect::kIgnored, {}});
  owed_.push_back(Owed{Expect::kAnswer, {}});
  RequestParser parser(kNoRequestLimits);
  parser.parse(read);
  answers_.push_back(
      [this, command = own_calls_.number_of(parser.argv()), answer = std::move(answer)](std::string_view all) {
        if (!all.starts_with("*3\r\n")) return answer(std::string(all));
        const std::vector<std::string> replies = split_replies(all.substr(all.find('\n') + 1));
        own_calls_.executed(own_calls_.number_of({"DEL"}), replies[0]);
        own_calls_.executed(command, replies[1]);
        own_calls_.executed_marker();
        answer(replies[1]);
      });
}

// Behind other replies that have not left yet, Redis 7.2 to 8.2 does not say that it refuses AUTH: addAuthErrReply()
// takes them for the answer of a module. The answer to HELLO, which everybody may say, can be told from that to AUTH.
void Backend::check_password(const std::vector<std::string_view>& argv, std::function<void(std::string_view)> answer) {
  request_as({}, argv, std::move(answer));
  owed_.back().what = Expect::kPassword;
  request_as({}, {"HELLO"}, [](std::string_view) {});
  append_sign_in(&out_, {}, own_password_);
  owed_.push_back(Owed{Expect::kSignIn, {}});
}

std::string Backend::take_output() {
  if (!reads_.members.empty()) {
    become({});
    out_.append(kRole);
    owed_.push_back(Owed{Expect::kOffset, {}});
    read_groups_.push_back(std::move(reads_));
    reads_ = ReplyGroup();
  }
  return std::exchange(out_, std::string());
}

void Backend::on_data(std::string_view data) {
  std::string_view rest = in_.with(data);
  while (!rest.empty()) {
    const size_t consumed = one_reply(rest);
    if (consumed == 0) break;
    rest.remove_prefix(consumed);
  }
  in_.keep(rest, framer_.bytes_wanted());
}

size_t Backend::one_reply(std::string_view data) {
  if (owed_.empty()) {
    events_->on_backend_error("Redis sent what nobody asked for");
    return 0;
  }
  if (owed_.front().what == Expect::kUnit && running_.front().phase == Running::Phase::kExec && data[0] == '*') {
    // The answers inside are taken one by one: they go to different clients.
    const size_t end = data.find("\r\n");
    if (end == std::string_view::npos) return 0;
    Running& running = running_.front();
    size_t count = 0;
    std::from_chars(data.data() + 1, data.data() + end, count);
    if (count != running.plan.size()) {
      events_->on_backend_error("Redis answered EXEC with " + std::string(data.substr(0, end)));
      return 0;
    }
    running.phase = Running::Phase::kExecuted;
    running.next = 0;
    if (running.plan.empty()) unit_done();
    return end + 2;
  }
  switch (framer_.next(data)) {
    case ReplyFramer::Status::kIncomplete: return 0;
    case ReplyFramer::Status::kError:
      events_->on_backend_error("Redis sent what is no reply: " + framer_.error());
      return 0;
    case ReplyFramer::Status::kComplete: break;
  }
  const size_t consumed = framer_.consumed();
  dispatch(data.substr(0, consumed));
  return consumed;
}

void Backend::dispatch(std::string_view reply) {
  const Owed owed = owed_.front();
  if (reply.starts_with('-')) own_calls_.refused(reply);
  switch (owed.what) {
    case Expect::kRead:
      owed_.pop_front();
      events_->on_reply(owed.waiter, reply, true);
      own_calls_.executed(owed.waiter.command, reply);
      break;
    case Expect::kIgnored: owed_.pop_front(); break;
    case Expect::kSelect:
      owed_.pop_front();
      own_calls_.executed_select();
      break;
    case Expect::kHello:
      owed_.pop_front();
      if (reply.starts_with('-')) events_->on_backend_error("Redis refuses HELLO: " + error_text(reply));
      break;
    case Expect::kSignIn:
      owed_.pop_front();
      if (reply != kOk) events_->on_backend_error("Redis refuses AUTH: " + error_text(reply));
      break;
    case Expect::kUnit: unit_reply(reply); break;
    case Expect::kOffset:
      owed_.pop_front();
      offset_known(reply);
      break;
    case Expect::kPassword:
      if (!reply.starts_with('+') && !reply.starts_with('-')) {
        std::string refusal;
        append_error(&refusal, kWrongPassword);
        answered(refusal);
        dispatch(reply);
        break;
      }
      [[fallthrough]];
    case Expect::kAnswer: answered(reply); break;
  }
}

void Backend::answered(std::string_view reply) {
  const Owed owed = owed_.front();
  owed_.pop_front();
  const std::function<void(std::string_view)> answer = std::move(answers_.front());
  answers_.pop_front();
  answer(reply);
  own_calls_.executed(owed.waiter.command, reply);
}

void Backend::offset_known(std::string_view reply) {
  constexpr std::string_view kMaster = "*3\r\n$6\r\nmaster\r\n:";
  int64_t offset = 0;
  if (!reply.starts_with(kMaster) ||
      std::from_chars(reply.data() + kMaster.size(), reply.data() + reply.size(), offset).ec != std::errc()) {
    events_->on_backend_error("Redis is no master any more: somebody else changed its role");
    return;
  }
  ReplyGroup group = std::move(read_groups_.front());
  read_groups_.pop_front();
  events_->on_reads_done(std::move(group), offset);
}

void Backend::unit_reply(std::string_view reply) {
  Running& running = running_.front();
  switch (running.phase) {
    case Running::Phase::kMulti:
      if (reply.starts_with('-')) {
        events_->on_backend_error("Redis refuses MULTI: " + error_text(reply));
        break;
      }
      running.phase = running.plan.empty() ? Running::Phase::kExec : Running::Phase::kQueueing;
      break;
    case Running::Phase::kQueueing: {
      const int32_t op = running.plan[running.next++];
      if (reply.starts_with('-')) {
        if (running.refusal.empty()) running.refusal = reply;
        if (op >= 0) running.unit->ops[static_cast<size_t>(op)].reply = reply;
      }
      if (running.next == running.plan.size()) running.phase = Running::Phase::kExec;
      break;
    }
    case Running::Phase::kExec: refused(&running, reply); break;
    case Running::Phase::kExecuted: executed(&running, reply); break;
  }
}

void Backend::executed(Running* running, std::string_view reply) {
  tell_local_ops(running);
  const int32_t at = running->plan[running->next++];
  if (at == Running::kSignIn && reply != kOk) {
    return events_->on_backend_error("Redis refuses AUTH: " + error_text(reply));
  }
  if (at >= 0) {
    Op& op = running->unit->ops[static_cast<size_t>(at)];
    running->next_op = static_cast<size_t>(at) + 1;
    op.answered = true;
    events_->on_reply(op.waiter, reply, op.last_piece);
    own_calls_.executed(op.command, reply);
  } else if (at == Running::kSelect) {
    own_calls_.executed_select();
  } else if (at == Running::kMarker) {
    own_calls_.executed_marker();
  } else if (at == Running::kLimit) {
    own_calls_.executed(own_calls_.number_of({"CONFIG", "SET"}), reply);
  }
  if (running->next == running->plan.size()) {
    tell_local_ops(running);
    unit_done();
  }
}

void Backend::tell_local_ops(Running* running) {
  std::vector<Op>& ops = running->unit->ops;
  while (running->next_op < ops.size() && ops[running->next_op].kind == Op::Kind::kLocal) {
    Op& op = ops[running->next_op++];
    op.answered = true;
    events_->on_reply(op.waiter, op.reply, op.last_piece);
  }
}

// EXEC was not carried out: some command was not queued. Of reads each tells its own reason, or why the others were not
// executed.
void Backend::refused(Running* running, std::string_view reply) {
  if (running->batch != nullptr) {
    running->batch->refusal = running->refusal.empty() ? reply : running->refusal;
    return unit_done();
  }
  for (Op& op : running->unit->ops) {
    const bool own = op.kind != Op::Kind::kLocal && op.reply.starts_with('-');
    op.answered = true;
    events_->on_reply(op.waiter, own ? std::string_view(op.reply) : reply, op.last_piece);
  }
  unit_done();
}

void Backend::unit_done() {
  Batch* batch = running_.front().batch;
  // The db inside MULTI counts only if EXEC was carried out; asking again is cheap.
  if (batch != nullptr && batch->refused()) db_ = -1;
  owed_.pop_front();
  running_.pop_front();
  if (batch != nullptr) events_->on_batch_replied(batch);
}

}  // namespace holdfast
