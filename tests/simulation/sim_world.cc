#include "tests/simulation/sim_world.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace holdfast::simulation {

SimWorld::SimWorld(SimClock* clock, Rng* rng, Coverage* coverage, const SimWorldOptions& options)
    : clock_(clock),
      rng_(rng),
      coverage_(coverage),
      options_(options),
      log_(clock, rng, coverage, options.log),
      redis_(clock, rng, coverage, options.redis, [this](const std::string&, int) { return connect_feed(); }) {
  log_.set_gate([this] { return may_act(); });
  log_.set_observer([this](const LogEntry& entry) {
    learn_tokens(entry);
    if (tracing()) {
      trace("log " + std::to_string(entry.position) + ": " + entry.header + " " + entry.value.substr(0, 300));
    }
  });
}

SimWorld::~SimWorld() = default;

void SimWorld::fail(const std::string& what) {
  if (failure_.empty()) failure_ = what;
  trace("FAILED: " + what);
}

void SimWorld::trace(const std::string& text) {
  if (!tracing()) return;
  constexpr size_t kLines = 20'000;
  std::string line = std::to_string(clock_->now_us()) + " ";
  for (char c : text) {
    if (c == '\r') continue;
    line.push_back(c == '\n' ? ' ' : c);
  }
  traced_.push_back(std::move(line));
  if (traced_.size() > kLines) traced_.pop_front();
}

// ---- the process

void SimWorld::start_proxy() {
  life_++;
  actions_left_ = INT64_MAX;
  turn_due_ = false;
  draining_since_us_ = -1;
  trace("proxy starts");
  shard_ = std::make_unique<Shard>(this, options_.shard);
  log_.set_ready_callback([this] { wake(); });
  shard_->start();
  wake();
  tick(life_);
}

void SimWorld::tick(uint64_t life) {
  clock_->in(Shard::kTickMs * kMs, [this, life] {
    if (life != life_ || !shard_) return;
    turn();
    tick(life);
  });
}

void SimWorld::wake() {
  if (turn_due_ || !shard_) return;
  turn_due_ = true;
  clock_->in(rng_->chance(0.5) ? 0 : rng_->between(1, 300), [this, life = life_] {
    if (life != life_) return;
    turn_due_ = false;
    turn();
  });
}

void SimWorld::event(uint64_t life, const std::function<void(Shard*)>& tell) {
  if (life != life_ || !shard_) return;
  tell(shard_.get());
  wake();
}

void SimWorld::turn() {
  if (!shard_) return;
  if (shard_->turn()) wake();
  if (actions_left_ <= 0) return end_process();
  if (draining_since_us_ < 0) return;
  if (shard_->drained()) {
    coverage_->count("proxy: drained");
    end_process();
  } else if (clock_->now_us() - draining_since_us_ > 30 * kSecond) {
    fail("the proxy was told to stop and does not");
  }
}

bool SimWorld::may_act() {
  if (actions_left_ <= 0) return false;
  if (actions_left_ != INT64_MAX) actions_left_--;
  return true;
}

void SimWorld::crash_proxy(int64_t actions, int64_t restart_us) {
  if (!shard_ || actions_left_ != INT64_MAX) return;
  restart_us_ = restart_us;
  actions_left_ = actions;
  wake();
  // If it does nothing it dies all the same.
  clock_->in(20 * kMs, [this, life = life_] {
    if (life != life_ || !shard_) return;
    actions_left_ = 0;
    end_process();
  });
}

void SimWorld::drain_proxy(int64_t restart_us) {
  if (!shard_ || actions_left_ != INT64_MAX || draining_since_us_ >= 0 || !shard_->status().ready) return;
  trace("proxy drains");
  draining_since_us_ = clock_->now_us();
  restart_us_ = restart_us;
  shard_->drain();
  wake();
}

void SimWorld::end_process() {
  trace("proxy dies");
  coverage_->count("proxy: dies");
  shard_.reset();
  life_++;
  for (LinkState& link : links_) {
    if (!link.stream) continue;
    // What it has handed to its sockets may reach Redis still, when the next one is at work already.
    std::exchange(link.stream, nullptr)->abandon(0, rng_->chance(0.5) ? 0 : rng_->between(0, 2 * kSecond));
    link.number++;
  }
  if (feed_) std::exchange(feed_, nullptr)->abandon(0, rng_->between(0, 100 * kMs));
  for (auto& [id, session] : std::exchange(sessions_, {})) {
    rng_->chance(0.5) ? session.stream->close(1) : session.stream->cut();
  }
  log_.reopen();
  clock_->in(restart_us_, [this] {
    if (!shard_) start_proxy();
  });
}

void SimWorld::fatal(const std::string& reason) {
  trace("fatal: " + reason);
  coverage_->count("proxy: ends by itself");
  coverage_->count("proxy ended: " + reason.substr(0, 50));
  // The log is never damaged here, and Redis is never anybody else's.
  for (const char* never : {"damaged", "stops this", "lost committed", "does not have", "mixed", "another log",
                            "not ours", "needs for itself", "holds the state"}) {
    if (reason.find(never) != std::string::npos) fail("the proxy gave up: " + reason);
  }
  actions_left_ = 0;
  restart_us_ = rng_->between(10 * kMs, 300 * kMs);
  clock_->in(0, [this, life = life_] {
    if (life == life_ && shard_) end_process();
  });
}

void SimWorld::note(Level, const std::string& text) { trace("note: " + text); }

// ---- links to Redis

std::string SimWorld::name_of(Link link) {
  constexpr const char* kNames[kLinks] = {"main", "tap", "events", "monitor", "aside", "copy"};
  return kNames[static_cast<int>(link)];
}

std::string SimWorld::received(const std::string& from, std::string_view data) {
  std::string bytes(data);
  if (tamper_) tamper_(from, &bytes);
  if (tracing()) trace(from + "< " + bytes);
  return bytes;
}

void SimWorld::link_connect(Link link) {
  if (!may_act()) return;
  LinkState& state = links_[static_cast<int>(link)];
  if (state.stream) std::exchange(state.stream, nullptr)->close(0);
  const uint64_t number = ++state.number;
  clock_->in(rng_->between(10, 2 * options_.latency_us), [this, link, number, life = life_] {
    LinkState& opened = links_[static_cast<int>(link)];
    if (life != life_ || opened.number != number) return;
    if (!redis_.up()) {
      event(life, [link](Shard* shard) { shard->on_link_down(link, "connection refused"); });
      return;
    }
    opened.stream = std::make_shared<SimStream>(clock_, rng_, options_.latency_us);
    opened.stream->attach(0, {[this, link, number, life](std::string_view data) {
                                if (links_[static_cast<int>(link)].number != number) return;
                                const std::string bytes = received(name_of(link), data);
                                event(life, [&](Shard* shard) { shard->on_link_data(link, bytes); });
                              },
                              [this, link, number, life] {
                                LinkState& closed = links_[static_cast<int>(link)];
                                if (closed.number != number) return;
                                closed.number++;
                                closed.stream.reset();
                                trace(name_of(link) + " closed");
                                event(life, [&](Shard* shard) { shard->on_link_down(link, "connection lost"); });
                              }});
    redis_.accept(opened.stream);
    trace(name_of(link) + " up");
    event(life, [link](Shard* shard) { shard->on_link_up(link); });
  });
}

void SimWorld::link_send(Link link, std::string bytes) {
  LinkState& state = links_[static_cast<int>(link)];
  if (!may_act() || !state.stream) return;
  if (tracing()) trace(name_of(link) + "> " + bytes);
  state.stream->send(0, std::move(bytes));
}

void SimWorld::link_close(Link link) {
  LinkState& state = links_[static_cast<int>(link)];
  if (!may_act()) return;
  state.number++;
  if (state.stream) std::exchange(state.stream, nullptr)->close(0);
}

void SimWorld::cut_link(Link link) {
  if (links_[static_cast<int>(link)].stream) links_[static_cast<int>(link)].stream->cut();
}

// ---- the feed

std::shared_ptr<SimStream> SimWorld::connect_feed() {
  if (!shard_ || actions_left_ <= 0) return nullptr;
  auto stream = std::make_shared<SimStream>(clock_, rng_, options_.latency_us);
  if (feed_) feed_->close(0);
  feed_ = stream;
  const uint64_t number = ++feed_number_;
  const uint64_t life = life_;
  stream->attach(0, {[this, number, life](std::string_view data) {
                       if (number != feed_number_) return;
                       const std::string bytes = received("feed", data);
                       event(life, [&](Shard* shard) { shard->on_feed_data(bytes); });
                     },
                     [this, number, life] {
                       if (number != feed_number_) return;
                       trace("feed closed");
                       feed_.reset();
                       event(life, [](Shard* shard) { shard->on_feed_closed(); });
                     }});
  trace("feed up");
  event(life, [](Shard* shard) { shard->on_feed_connected(); });
  return stream;
}

void SimWorld::feed_send(std::string bytes) {
  if (!may_act() || !feed_) return;
  if (tracing()) trace("feed> " + bytes.substr(0, 500));
  feed_->send(0, std::move(bytes));
}

void SimWorld::feed_close() {
  if (!may_act()) return;
  feed_number_++;
  if (feed_) std::exchange(feed_, nullptr)->close(0);
}

// ---- clients

std::shared_ptr<SimStream> SimWorld::connect_client(bool slow, SessionId* session) {
  if (!shard_ || actions_left_ <= 0 || draining_since_us_ >= 0) return nullptr;
  const SessionId id = next_session_++;
  *session = id;
  auto stream = std::make_shared<SimStream>(clock_, rng_, options_.latency_us);
  sessions_[id].stream = stream;
  sessions_[id].slow = slow;
  const uint64_t life = life_;
  stream->attach(1, {[this, id, life](std::string_view data) {
                       const auto it = sessions_.find(id);
                       if (it == sessions_.end()) return;
                       if (it->second.held || !it->second.waiting.empty()) {
                         it->second.waiting.append(data);
                         return;
                       }
                       if (tracing()) trace("client" + std::to_string(id) + "> " + std::string(data));
                       event(life, [&](Shard* shard) { shard->on_client_data(id, data); });
                     },
                     [this, id] { session_closed(id); }, [this, id] { session_ended(id); }});
  event(life, [id](Shard* shard) { shard->on_client_connected(id, {"10.0.0.1:1", "10.0.0.2:6379"}); });
  return stream;
}

void SimWorld::session_closed(SessionId id) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return;
  if (it->second.held && !it->second.waiting.empty()) {
    it->second.peer_closed = true;  // noticed once it is read from again
    return;
  }
  sessions_.erase(it);
  event(life_, [id](Shard* shard) { shard->on_client_disconnected(id); });
}

void SimWorld::session_ended(SessionId id) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return;
  if (it->second.held || !it->second.waiting.empty()) {
    it->second.peer_ended = true;
    return;
  }
  coverage_->count("client: half closed");
  trace("client" + std::to_string(id) + " sends no more");
  event(life_, [id](Shard* shard) { shard->on_client_end(id); });
}

// A slow client takes some of its replies.
void SimWorld::take_unsent(SessionId id) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return;
  SessionState& session = it->second;
  const size_t size = std::min(session.unsent.size(), static_cast<size_t>(rng_->between(1, 200)));
  session.stream->send(1, session.unsent.substr(0, size));
  session.unsent.erase(0, size);
  if (session.unsent.empty()) {
    if (session.closing) close_session(id);
    return;
  }
  clock_->in(rng_->between(100, 5 * kMs), [this, id] { take_unsent(id); });
}

size_t SimWorld::client_unsent(SessionId client) {
  const auto it = sessions_.find(client);
  return it == sessions_.end() ? 0 : it->second.unsent.size();
}

void SimWorld::client_send(SessionId client, std::string bytes) {
  const auto it = sessions_.find(client);
  if (!may_act() || it == sessions_.end()) return;
  check_tokens(bytes);
  if (tracing()) trace("client" + std::to_string(client) + "< " + bytes);
  if (!it->second.slow) return it->second.stream->send(1, std::move(bytes));
  const bool idle = it->second.unsent.empty();
  it->second.unsent += bytes;
  if (idle) clock_->in(rng_->between(100, 5 * kMs), [this, client] { take_unsent(client); });
}

void SimWorld::client_close(SessionId client) {
  const auto it = sessions_.find(client);
  if (!may_act() || it == sessions_.end()) return;
  it->second.closing = true;
  if (it->second.unsent.empty()) close_session(client);
}

void SimWorld::client_cut(SessionId client) {
  const auto it = sessions_.find(client);
  if (!may_act() || it == sessions_.end()) return;
  it->second.unsent.clear();
  close_session(client);
}

void SimWorld::close_session(SessionId client) {
  sessions_[client].stream->close(1);
  clock_->in(1, [this, client, life = life_] {
    if (life != life_ || sessions_.erase(client) == 0) return;
    event(life, [client](Shard* shard) { shard->on_client_disconnected(client); });
  });
}

void SimWorld::client_hold(SessionId client, bool hold) {
  const auto it = sessions_.find(client);
  if (!may_act() || it == sessions_.end()) return;
  it->second.held = hold;
  if (hold) coverage_->count("client: held back");
  if (hold || (it->second.waiting.empty() && !it->second.peer_closed && !it->second.peer_ended)) return;
  clock_->in(0, [this, client, life = life_] {
    const auto held = sessions_.find(client);
    if (life != life_ || held == sessions_.end() || held->second.held) return;
    const std::string waiting = std::exchange(held->second.waiting, {});
    const bool closed = held->second.peer_closed;
    const bool ended = std::exchange(held->second.peer_ended, false);
    if (!waiting.empty()) event(life, [&](Shard* shard) { shard->on_client_data(client, waiting); });
    if (ended) session_ended(client);
    if (closed) session_closed(client);
  });
}

// ---- snapshots

void SimWorld::snapshot_begin() {
  if (may_act()) snapshot_.clear();
}

void SimWorld::snapshot_data(std::string_view piece) {
  if (may_act()) snapshot_.append(piece);
}

void SimWorld::snapshot_end() {
  if (!may_act()) return;
  clock_->in(rng_->between(1, 50 * kMs), [this, life = life_, rdb = snapshot_] {
    if (life != life_) return;
    if (snapshot_faults_ && rng_->chance(0.2)) {
      coverage_->count("snapshot: not saved");
      event(life, [](Shard* shard) { shard->on_snapshot_saved(Error{"no space for the snapshot"}); });
      return;
    }
    coverage_->count("snapshot: saved");
    const SnapshotRef ref{"base-" + rng_->hex(8) + ".rdb", static_cast<int64_t>(rdb.size()),
                          XXH3_64bits(rdb.data(), rdb.size())};
    snapshots_[ref.file] = rdb;
    event(life, [&](Shard* shard) { shard->on_snapshot_saved(ref); });
  });
}

Result<int64_t> SimWorld::snapshot_size(const SnapshotRef& ref) {
  if (!snapshots_.contains(ref.file)) return Error{"no snapshot " + ref.file};
  return static_cast<int64_t>(snapshots_[ref.file].size());
}

Result<std::string> SimWorld::snapshot_read(const SnapshotRef& ref, int64_t offset, size_t bytes) {
  if (!snapshots_.contains(ref.file)) return Error{"no snapshot " + ref.file};
  return snapshots_[ref.file].substr(static_cast<size_t>(offset), bytes);
}

// ---- no reply says what the log does not hold

void for_each_token(std::string_view text, const std::function<void(std::string_view)>& found) {
  auto in_token = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'; };
  for (size_t i = 0; i < text.size(); i++) {
    if (!in_token(text[i])) continue;
    size_t end = i;
    while (end < text.size() && in_token(text[end])) end++;
    const std::string_view word = text.substr(i, end - i);
    const bool drawn = word.size() == 13 && (word[0] == 't' || word[0] == 'w' || word[0] == 'd') &&
                       word.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
    const bool written = word.size() > 3 && word[0] == 'v' && word.find('.') != std::string_view::npos;
    if (drawn || written) found(word);
    i = end;
  }
}

void SimWorld::learn_tokens(const LogEntry& entry) {
  for_each_token(entry.value, [this](std::string_view token) { logged_.emplace(token); });
}

void SimWorld::check_tokens(std::string_view reply) {
  if (!options_.check_tokens) return;
  for_each_token(reply, [this](std::string_view token) {
    if (!logged_.contains(std::string(token))) {
      fail("a reply told " + std::string(token) + ", which is not in the log");
    }
    told_.emplace(token);
  });
}

}  // namespace holdfast::simulation
