#include "core/shard/blocking.h"

#include <algorithm>

#include "core/resp/words.h"
#include "core/shard/frontdesk.h"

namespace holdfast {
namespace {

std::vector<ReplyValue> parse_all(const std::vector<std::string>& raw) {
  std::vector<ReplyValue> values;
  for (const std::string& one : raw) {
    Result<ReplyValue> value = parse_reply(one);
    values.push_back(value.ok() ? std::move(*value) : ReplyValue{});
  }
  return values;
}

std::string last_generated_id(const ReplyValue& stream) {
  for (size_t i = 0; i + 1 < stream.elements.size(); i += 2) {
    if (stream.elements[i].text == "last-generated-id") return stream.elements[i + 1].text;
  }
  return "0-0";  // there is no such stream yet
}

}  // namespace

Blocking::Call* Blocking::find(SessionId session) const {
  const auto found = calls_.find(session);
  return found == calls_.end() ? nullptr : found->second.get();
}

size_t Blocking::count() const {
  return static_cast<size_t>(std::count_if(
      calls_.begin(), calls_.end(), [](const auto& entry) { return entry.second->state == Call::State::kParked; }));
}

bool Blocking::attempting(SessionId session) const {
  const Call* call = find(session);
  return call != nullptr && call->state == Call::State::kAttempting;
}

void Blocking::begin(Session* session, BlockingCall blocking_call) {
  if (session->ended || session->closing) {
    // It has left meanwhile.
    session->closing = true;
    return desk_->touch(session);
  }
  session->blocked = true;
  auto owned = std::make_unique<Call>();
  Call* call = owned.get();
  call->call = std::move(blocking_call);
  call->session = session->id();
  call->serial = next_serial_++;
  call->db = session->db;
  call->protocol = session->protocol;
  call->since_ms = world_->monotonic_ms();
  // What changes while it is found out what is there must not be missed.
  for (const std::string& key : call->call.keys()) {
    std::deque<SessionId>& calls = queues_[{call->db, key}].calls;
    if (calls.empty() || calls.back() != call->session) calls.push_back(call->session);
  }
  calls_.emplace(call->session, std::move(owned));
  if (!call->call.last_id_wanted().empty()) {
    learn_last_ids(call);
  } else {
    go_on(call);
  }
}

void Blocking::forget(SessionId session) {
  const auto found = calls_.find(session);
  if (found == calls_.end()) return;
  const Call& call = *found->second;
  // What was there for it may be there for the next.
  const bool quiet = call.state == Call::State::kParked && !call.again;
  for (const std::string& key : call.call.keys()) {
    const auto queue = queues_.find({call.db, key});
    if (queue == queues_.end()) continue;
    std::erase(queue->second.calls, session);
    queue->second.again = queue->second.again || !quiet;
    if (queue->second.calls.empty() && !queue->second.looking) queues_.erase(queue);
  }
  if (call.deadline_ms != 0) deadlines_.erase({call.deadline_ms, session});
  calls_.erase(found);
}

void Blocking::finish(Call* call, std::string_view reply) {
  const SessionId id = call->session;
  forget(id);
  Session* session = desk_->find(id);
  session->blocked = false;
  desk_->answer(session, reply);
}

// An error that Redis gave when it was only asked.
void Blocking::finish_when_settled(Call* call, std::string_view reply) {
  const SessionId id = call->session;
  forget(id);
  Session* session = desk_->find(id);
  session->blocked = false;
  desk_->answer_when_settled(session, reply);
}

// ---- what is there

// XREAD's "$" means what is the last entry now.
void Blocking::learn_last_ids(Call* call) {
  Unit unit;
  for (const size_t key : call->call.last_id_wanted()) {
    unit.add_question(call->db, {"XINFO", "STREAM", call->call.keys()[key]});
  }
  counter_->look(unit, [this, id = call->session, serial = call->serial](const Result<std::string>& replies) {
    Call* there = find(id);
    if (there == nullptr || there->serial != serial) return;
    if (!replies.ok()) return give_up(there, replies.error());
    const std::vector<ReplyValue> values = parse_all(split_replies(*replies));
    const std::vector<size_t> wanted = there->call.last_id_wanted();
    for (size_t i = 0; i < wanted.size() && i < values.size(); i++) {
      if (values[i].is_error() && values[i].text.starts_with("WRONGTYPE")) {
        return finish_when_settled(there, split_replies(*replies)[i]);
      }
      there->call.set_last_id(wanted[i], last_generated_id(values[i]));
    }
    go_on(there);
  });
}

// Finds out what is there, or, for a stream, attempts to read it.
void Blocking::go_on(Call* call) {
  if (call->over) return time_is_over(call);
  if (call->call.stream()) return attempt(call, 0);
  look(call);
}

void Blocking::look(Call* call) {
  call->state = Call::State::kLooking;
  call->again = false;
  Unit unit;
  for (size_t key = 0; key < call->call.keys().size(); key++) unit.add_question(call->db, call->call.question(key));
  counter_->look(unit, [this, id = call->session, serial = call->serial](const Result<std::string>& replies) {
    Call* there = find(id);
    if (there == nullptr || there->serial != serial) return;
    if (!replies.ok()) return give_up(there, replies.error());
    const std::vector<std::string> raw = split_replies(*replies);
    looked(there, parse_all(raw), raw);
  });
}

void Blocking::looked(Call* call, const std::vector<ReplyValue>& replies, const std::vector<std::string>& raw) {
  for (size_t key = 0; key < replies.size(); key++) {
    if (replies[key].is_error()) {
      if (call->first) return finish_when_settled(call, raw[key]);
      continue;
    }
    const int64_t elements = replies[key].integer;
    if (elements > 0 && !has_ahead(*call, call->call.keys()[key], elements)) {
      attempt(call, key);
      return attempt_behind(std::exchange(moved_, {}));
    }
  }
  park(call);
}

// Whether all elements are for calls that came earlier.
bool Blocking::has_ahead(const Call& call, const std::string& key, int64_t elements) const {
  for (const SessionId session : queues_.at({call.db, key}).calls) {
    if (session == call.session) return false;
    const Call& other = *calls_.at(session);
    if (!other.call.stream() && other.sorted() == call.sorted() && --elements == 0) return true;
  }
  return false;
}

void Blocking::park(Call* call) {
  if (Session* session = desk_->find(call->session); session->ended || session->closing) {
    session->closing = true;
    forget(call->session);
    return desk_->touch(session);
  }
  // What it waits does not count as its time.
  desk_->find(call->session)->request().stop(desk_->statistics().now_us());
  if (call->over) return time_is_over(call);
  // Like Redis's the time begins when there was nothing for it, however long it took to find that out.
  if (call->first && call->call.timeout_ms() > 0) {
    call->deadline_ms = world_->monotonic_ms() + call->call.timeout_ms();
    deadlines_.emplace(call->deadline_ms, call->session);
  }
  call->first = false;
  call->state = Call::State::kParked;
  if (call->again) go_on(call);
}

// ---- changes

void Blocking::on_touched(const Touched& touched) {
  for (const Touched::Key& key : touched.keys) {
    KeyName name{key.db, std::string(key.name)};
    if (queues_.contains(name)) changed_.insert(std::move(name));
  }
  if (!touched.anything && touched.databases.empty()) return;
  for (const auto& [key, queue] : queues_) {
    const bool in = std::find(touched.databases.begin(), touched.databases.end(), key.first) != touched.databases.end();
    if (touched.anything || in) changed_.insert(key);
  }
}

void Blocking::work() {
  for (const KeyName& key : std::exchange(changed_, {})) {
    const auto found = queues_.find(key);
    if (found != queues_.end()) signal(key, &found->second);
  }
}

void Blocking::mark_all() {
  for (const auto& [session, call] : calls_) call->again = true;
}

void Blocking::signal(const KeyName& key, Queue* queue) {
  bool parked = false, streams = false;
  for (const SessionId session : queue->calls) {
    Call& call = *calls_.at(session);
    if (call.state != Call::State::kParked) {
      call.again = true;
    } else if (call.call.stream()) {
      streams = true;
    } else {
      parked = true;
    }
  }
  if (parked && queue->looking) queue->again = true;
  if (parked && !queue->looking) look_at(key, queue);
  if (streams) serve_streams(*queue, false);
}

void Blocking::look_at(const KeyName& key, Queue* queue) {
  queue->looking = true;
  queue->again = false;
  Unit unit;
  for (const char* verb : {"LLEN", "ZCARD"}) unit.add_question(key.first, {verb, key.second});
  counter_->look(unit, [this, key](const Result<std::string>& replies) {
    Queue& there = queues_.at(key);
    there.looking = false;
    if (there.calls.empty()) {
      queues_.erase(key);
      return;
    }
    if (!replies.ok()) {
      there.again = true;  // check_time() sees to it
      return;
    }
    const bool again = std::exchange(there.again, false);
    const std::vector<ReplyValue> values = parse_all(split_replies(*replies));
    for (size_t i = 0; i < values.size(); i++) serve(key, values[i].integer, i == 1);
    attempt_behind(std::exchange(moved_, {}));
    const auto still = queues_.find(key);
    if (again && still != queues_.end()) signal(key, &still->second);
  });
}

// So many elements are there: for the first that wait.
void Blocking::serve(const KeyName& key, int64_t elements, bool sorted) {
  const auto queue = queues_.find(key);
  if (queue == queues_.end()) return;
  const std::deque<SessionId> calls = queue->second.calls;
  for (const SessionId session : calls) {
    if (elements <= 0) break;
    Call* call = find(session);
    if (call == nullptr || call->state != Call::State::kParked || call->call.stream() || call->sorted() != sorted) {
      continue;
    }
    const std::vector<std::string>& keys = call->call.keys();
    attempt(call, static_cast<size_t>(std::find(keys.begin(), keys.end(), key.second) - keys.begin()));
    elements--;
  }
}

// Those who read for a group, the first of each; the others, too, unless `only_groups`.
void Blocking::serve_streams(const Queue& queue, bool only_groups) {
  std::set<std::string> groups;
  const std::deque<SessionId> calls = queue.calls;
  for (const SessionId session : calls) {
    Call* call = find(session);
    if (call == nullptr || call->state != Call::State::kParked || !call->call.stream()) continue;
    const bool group = call->call.kind() == BlockingCall::Kind::kStreamGroup;
    if (group ? groups.insert(call->call.group()).second : !only_groups) attempt(call, 0);
  }
}

std::vector<Blocking::Push> Blocking::pushes_in(const Unit& unit) const {
  std::vector<Push> pushes;
  if (queues_.empty()) return pushes;
  RequestParser parser(kNoRequestLimits);
  for (const Op& op : unit.ops) {
    if (op.kind != Op::Kind::kWrite || parser.parse(unit.bytes_of(op)) != RequestParser::Status::kComplete) continue;
    const std::vector<std::string_view>& argv = parser.argv();
    const CommandInfo* info = counter_->table().find(argv);
    if (info == nullptr || argv.size() < 3) continue;
    const std::string_view name = info->name;
    if (name == "lpush" || name == "rpush" || name == "lpushx" || name == "rpushx") {
      pushes.push_back({{op.db, std::string(argv[1])}, Push::Kind::kList, argv.size() - 2});
    } else if (name == "lmove" || name == "rpoplpush") {
      pushes.push_back({{op.db, std::string(argv[2])}, Push::Kind::kList, 1});
    } else if (name == "zadd" || name == "zincrby") {
      const size_t count = std::max<size_t>(1, (argv.size() - 2) / 2);
      pushes.push_back({{op.db, std::string(argv[1])}, Push::Kind::kSorted, count});
    } else if (name == "xadd") {
      pushes.push_back({{op.db, std::string(argv[1])}, Push::Kind::kStream, 1});
    }
  }
  return pushes;
}

// As Redis does: all that waits for one key, then what that has brought to others.
void Blocking::attempt_behind(std::vector<Push> pushes) {
  while (!pushes.empty()) {
    for (const Push& push : pushes) {
      if (push.kind != Push::Kind::kStream) {
        serve(push.key, static_cast<int64_t>(push.count), push.kind == Push::Kind::kSorted);
      } else if (const auto queue = queues_.find(push.key); queue != queues_.end()) {
        serve_streams(queue->second, true);  // to read is no write: it waits until the entry can be seen
      }
    }
    pushes = std::exchange(moved_, {});
  }
}

// ---- attempts

void Blocking::attempt(Call* call, size_t key) {
  Session* session = desk_->find(call->session);
  const bool read = call->call.kind() == BlockingCall::Kind::kStream;
  const std::string down = read ? counter_->refuse_read() : counter_->refuse_write();
  if (!down.empty()) return give_up(call, down);
  if (counter_->must_wait() != nullptr || desk_->holding()) {
    call->state = Call::State::kParked;
    call->again = true;  // check_time() sees to it
    return;
  }
  session->request().go_on(desk_->statistics().now_us());
  call->state = Call::State::kAttempting;
  call->attempt = next_serial_++;
  call->key = key;
  call->again = false;
  call->attempted.clear();
  call->attempted_ms = world_->monotonic_ms();
  Waiter waiter{call->session, call->attempt, Filter::kBlocked, call->protocol};
  const std::string command = call->call.attempt(key);
  RequestParser parser(kNoRequestLimits);
  parser.parse(command);
  Op op = desk_->make_op(counter_->table().find(parser.argv()), call->db, parser.argv());
  if (read) {
    waiter.command = op.command;
    counter_->read(session, waiter, kTouchesAnything, call->db, command);
    return;
  }
  Unit unit;
  op.waiter = waiter;
  unit.add(std::move(op), command);
  if (call->call.kind() == BlockingCall::Kind::kListMove) {
    // Somebody may wait for what it moves.
    for (Push& push : pushes_in(unit)) moved_.push_back(std::move(push));
  }
  counter_->write(session, std::move(unit));
}

// The call whose present attempt it is; nullptr: what was given up does not count.
Blocking::Call* Blocking::find(const Waiter& waiter) const {
  Call* call = find(waiter.session);
  return call != nullptr && call->state == Call::State::kAttempting && call->attempt == waiter.slot ? call : nullptr;
}

void Blocking::on_reply(const Waiter& waiter, std::string_view reply) {
  if (Call* call = find(waiter)) call->attempted.append(reply);
}

void Blocking::on_restart(const Waiter& waiter) {
  if (Call* call = find(waiter)) call->attempted.clear();
}

void Blocking::on_settled(const Waiter& waiter) {
  Call* call = find(waiter);
  if (call == nullptr) return;
  const bool takes = call->call.kind() == BlockingCall::Kind::kListPop || call->sorted() ||
                     call->call.kind() == BlockingCall::Kind::kStream;
  const bool error = call->attempted.starts_with('-');
  const std::optional<std::string> reply = call->call.reply(call->key, call->attempted);
  const bool gone = call->attempted.starts_with("-NOGROUP") || call->attempted.starts_with("-WRONGTYPE");
  if (gone && !call->first && call->call.kind() == BlockingCall::Kind::kStreamGroup &&
      !counter_->words().group_gone.empty()) {
    return find_out_what_is_gone(call);
  }
  // What has become of another type while it waited has nothing for it.
  if (reply && !(error && takes && !call->first)) return finish(call, *reply);
  park(call);
}

// The stream, or only the group?
void Blocking::find_out_what_is_gone(Call* call) {
  call->state = Call::State::kLooking;
  Unit unit;
  for (const std::string& key : call->call.keys()) unit.add_question(call->db, {"TYPE", key});
  counter_->look(unit, [this, id = call->session, serial = call->serial](const Result<std::string>& types) {
    Call* there = find(id);
    if (there == nullptr || there->serial != serial) return;
    if (!types.ok()) return give_up(there, types.error());
    const std::vector<std::string> all = split_replies(*types);
    const bool streams =
        std::all_of(all.begin(), all.end(), [](std::string_view type) { return type == "+stream\r\n"; });
    const std::string& gone = streams ? counter_->words().group_gone : counter_->words().stream_gone;
    if (gone.empty()) return park(there);
    std::string reply;
    append_error(&reply, gone);
    finish_when_settled(there, reply);
  });
}

void Blocking::on_given_up(const Waiter& waiter, std::string_view error) {
  if (Call* call = find(waiter)) give_up(call, error);
}

void Blocking::give_up(Call* call, std::string_view error) {
  // Redis was lost while it was asked: nothing has happened, and check_time() bounds how long it is tried again.
  const bool lost = error.starts_with("LOADING");
  if ((call->first && !lost) || error.starts_with("UNKNOWN")) {
    std::string reply;
    append_error(&reply, error);
    return finish(call, reply);
  }
  if (call->over) return time_is_over(call);
  call->state = Call::State::kParked;
  call->again = true;
}

// ---- time

void Blocking::time_is_over(Call* call) {
  std::string reply;
  if (call->error.empty()) {
    reply = call->call.timed_out(call->protocol);
  } else {
    append_error(&reply, call->error);
  }
  finish(call, reply);
}

bool Blocking::unblock(SessionId session, std::string_view error) {
  Call* call = find(session);
  if (call == nullptr) return false;
  call->over = true;
  call->error = error;
  if (call->state != Call::State::kAttempting) time_is_over(call);
  return true;
}

void Blocking::check_deadlines(int64_t now_ms) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
    Call* call = find(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    call->deadline_ms = 0;
    unblock(call->session, {});
  }
}

void Blocking::check_time(int64_t now_ms, int64_t write_timeout_ms) {
  std::vector<SessionId> due, late, unanswered;
  for (const auto& [id, call] : calls_) {
    if (call->state == Call::State::kParked && call->again) due.push_back(id);
    if (call->state == Call::State::kAttempting && now_ms - call->attempted_ms > write_timeout_ms) late.push_back(id);
    const bool begins = call->first && call->state != Call::State::kAttempting;
    if (begins && now_ms - call->since_ms > write_timeout_ms) unanswered.push_back(id);
  }
  for (const SessionId id : unanswered) {
    Call* call = find(id);
    const bool read = call->call.kind() == BlockingCall::Kind::kStream;
    give_up(call, read ? "UNAVAILABLE no answer in time" : "NOTWRITTEN no answer in time: nothing was taken");
  }
  for (const SessionId id : late) {
    Call* call = find(id);
    if (call->call.kind() == BlockingCall::Kind::kStream) {
      give_up(call, "UNAVAILABLE no answer in time");
      continue;
    }
    give_up(call, "UNKNOWN no confirmation within " + std::to_string(write_timeout_ms) +
                      " ms: the write may or may not have happened");
  }
  if (counter_->must_wait() != nullptr || !counter_->refuse_write().empty()) return;
  std::erase_if(due, [this](SessionId id) { return find(id) == nullptr; });
  std::sort(due.begin(), due.end(), [this](SessionId a, SessionId b) { return find(a)->serial < find(b)->serial; });
  for (const SessionId id : due) {
    if (Call* call = find(id)) go_on(call);
  }
  std::vector<KeyName> keys;
  for (const auto& [key, queue] : queues_) {
    if (queue.again && !queue.looking) keys.push_back(key);
  }
  for (const KeyName& key : keys) {
    const auto queue = queues_.find(key);
    if (queue == queues_.end()) continue;
    queue->second.again = false;
    signal(key, &queue->second);
  }
}

}  // namespace holdfast
