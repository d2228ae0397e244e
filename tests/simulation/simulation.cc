#include "tests/simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/resp/reply.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/sim_client.h"
#include "tests/simulation/sim_listener.h"

namespace holdfast::simulation {
namespace {

constexpr int64_t kRestWithin = 120 * kSecond;  // after the last fault

// What a seed decides on before anything happens.
struct Plan {
  SimWorldOptions world;
  SimClientOptions client;
  int64_t clients = 0;
  int64_t faults = 0;
  int64_t faults_until_us = 0;
  double log_faults = 0;
  int64_t aimed_faults = 0;  // between what Redis did by itself and its record in the log
  int64_t initial_keys = 0;  // in a Redis that was there before Holdfast
  bool rebuild_at_end = false;
};

Plan make_plan(Rng* rng, uint64_t seed, bool trace) {
  Plan plan;
  SimRedisOptions& redis = plan.world.redis;
  redis.dialect.old = rng->chance(0.3);
  redis.dialect.unlink = rng->chance(0.3);
  redis.dialect.select_before_multi = rng->chance(0.5);
  if (rng->chance(0.15)) redis.backlog_bytes = static_cast<size_t>(rng->between(500, 5000));
  if (rng->chance(0.2)) redis.password = "secret";
  const int64_t eviction = rng->below(10);
  if (eviction == 0) redis.eviction = SimRedisOptions::Eviction::kAll;
  if (eviction == 1 || eviction == 2) redis.eviction = SimRedisOptions::Eviction::kVolatile;
  redis.key_limit = static_cast<size_t>(rng->between(8, 30));

  ShardOptions& shard = plan.world.shard;
  shard.redis_password = redis.password;
  shard.write_timeout_ms = shard.read_timeout_ms = rng->chance(0.5) ? 1000 : rng->between(100, 3000);
  shard.batches_in_flight = static_cast<size_t>(rng->between(1, 5));
  if (rng->chance(0.2)) shard.max_batch_bytes = static_cast<size_t>(rng->between(100, 2000));
  if (rng->chance(0.1)) shard.frontdesk.waiting_per_session = 3;

  plan.world.latency_us = rng->chance(0.7) ? 200 : rng->between(20, 5 * kMs);
  plan.world.log.latency_us = rng->chance(0.7) ? 2 * kMs : rng->between(100, 50 * kMs);
  plan.world.log.timeout_us = rng->between(50 * kMs, 2 * kSecond);
  plan.world.trace = trace;

  plan.clients = rng->between(1, 6);
  plan.client.operations = rng->between(100, 300) / plan.clients;
  plan.client.pipeline = rng->chance(0.3) ? 1 : rng->between(2, 10);
  plan.client.think_us = rng->chance(0.5) ? 2 * kMs : rng->between(10, 80 * kMs);
  plan.client.strict = redis.eviction != SimRedisOptions::Eviction::kAll;
  plan.client.accounts.volatile_keys_vanish = redis.eviction == SimRedisOptions::Eviction::kVolatile;
  if (rng->chance(0.1)) {
    plan.client.accounts.flushes = true;
    plan.client.strict = false;
  }
  if (rng->chance(0.2)) {
    // Entries small enough for records to need several.
    plan.world.log.max_entry_bytes = 16'000;
    plan.client.accounts.big_value = 20'000;
    plan.world.check_tokens = false;
  }

  if (rng->chance(0.3)) plan.client.half_close_rate = 0.02;
  if (rng->chance(0.3)) {
    plan.client.slow_rate = 0.5;
    if (rng->chance(0.5)) shard.frontdesk.output_bytes = 1000;
  }
  // One seed in six meets no fault at all: then everything must be carried out.
  if (rng->chance(0.16)) {
    shard.write_timeout_ms = shard.read_timeout_ms = 20'000;
    plan.client.no_errors = true;
    plan.client.patience_us = 40 * kSecond;
    redis.evict_marker = rng->chance(0.5);
  } else {
    plan.faults = rng->between(1, 10);
    plan.faults_until_us = rng->between(500 * kMs, 5 * kSecond);
    if (rng->chance(0.4)) plan.aimed_faults = rng->between(1, 3);
    if (rng->chance(0.1)) shard.maxmemory = rng->between(10'000, 30'000);
    if (rng->chance(0.6)) plan.log_faults = rng->chance(0.5) ? 0.01 : 0.06;
    if (rng->chance(0.5)) plan.client.disconnect_rate = 0.01;
  }
  plan.client.accounts.listener = rng->chance(0.4);
  if (rng->chance(0.15)) plan.initial_keys = rng->between(1, 20);
  plan.rebuild_at_end = rng->chance(0.3);
  if (plan.faults > 0 && seed % 8 == 5) redis.full_rate = 0.05;
  if (plan.faults > 0 && seed % 8 == 7) redis.denial_rate = 0.03;
  return plan;
}

class Run {
 public:
  Run(uint64_t seed, bool trace, Coverage* coverage)
      : rng_(seed),
        coverage_(coverage),
        plan_(make_plan(&rng_, seed, trace)),
        world_(std::make_unique<SimWorld>(&clock_, &rng_, coverage, plan_.world)) {}

  RunResult run() {
    fill_redis();
    world_->set_snapshot_faults(plan_.faults > 0);
    world_->sim_log().set_fault_rate(plan_.log_faults);
    world_->redis().set_background(true);
    world_->start_proxy();
    SimClientOptions options = plan_.client;
    options.accounts.shared = &shared_;
    options.accounts.queue = &queue_;
    for (int64_t i = 1; i <= plan_.clients; i++) {
      clients_.push_back(
          std::make_unique<SimClient>(static_cast<int>(i), &clock_, &rng_, coverage_, world_.get(), options));
      clients_.back()->start();
    }
    if (options.accounts.listener) {
      listener_ = std::make_unique<SimListener>(&clock_, &rng_, coverage_, world_.get(),
                                                static_cast<int>(plan_.clients), plan_.world.check_tokens);
      listener_->start();
    }
    world_->redis().set_observer([this] { aim(); });
    for (int64_t i = 0; i < plan_.faults; i++) {
      const int64_t time = rng_.between(0, plan_.faults_until_us);
      clock_.at(time, [this] { fault(); });
      // The worst come together.
      if (rng_.chance(0.3)) clock_.at(time + rng_.between(0, 20 * kMs), [this] { fault(); });
    }
    watch();

    const auto clients_done = [this] {
      return clock_.now_us() > plan_.faults_until_us &&
             std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->done(); });
    };
    if (until(clients_done, plan_.faults_until_us + kRestWithin, "the clients were not all answered") &&
        come_to_rest()) {
      check();
      for (const auto& client : clients_) client->check(world_->redis().data());
      if (listener_) listener_->check(world_->redis().data());
      if (plan_.rebuild_at_end && world_->failure().empty()) {
        coverage_->count("run: Redis rebuilt in the end");
        world_->redis().kill(rng_.between(0, 100 * kMs), "", false);
        if (come_to_rest()) check();
      }
    }
    return result();
  }

 private:
  // A Redis that was there before Holdfast.
  void fill_redis() {
    for (int64_t i = 0; i < plan_.initial_keys; i++) {
      Value value;
      value.text = "initial" + std::to_string(i);
      if (rng_.chance(0.3)) value.expires_ms = clock_.unix_ms() + rng_.between(-100, 2000);
      world_->redis().data()[0]["w" + std::to_string(i)] = value;
    }
  }

  // A Redis that does not say whose data it holds would be refused, and rightly so.
  std::string saved() const {
    const Dataset& data = world_->redis().data();
    const bool marked = data[plan_.world.redis.databases - 1].contains(kMarkerKey);
    return marked ? world_->redis().save() : "";
  }

  // Proxy and Redis die together soon after Redis has done something by itself: only what is in the log by then is
  // left.
  void aim() {
    if (aimed_ >= plan_.aimed_faults || clock_.now_us() > plan_.faults_until_us || !rng_.chance(0.05)) return;
    aimed_++;
    clock_.in(rng_.between(0, 2 * plan_.world.log.latency_us + 4 * plan_.world.latency_us), [this] {
      coverage_->count("fault: aimed at what Redis did by itself");
      world_->crash_proxy(rng_.between(0, 12), rng_.between(1 * kMs, 100 * kMs));
      if (world_->redis().up()) world_->redis().kill(rng_.between(1 * kMs, 100 * kMs), "", false);
    });
  }

  void fault() {
    SimRedis& redis = world_->redis();
    const int64_t soon = rng_.chance(0.5) ? rng_.between(1 * kMs, 50 * kMs) : rng_.between(1 * kMs, 1 * kSecond);
    switch (rng_.below(14)) {
      case 0:
      case 1:
      case 2:
        coverage_->count("fault: proxy killed");
        world_->crash_proxy(rng_.chance(0.3) ? 0 : rng_.between(1, 12), soon);
        break;
      case 3:
        coverage_->count("fault: Redis killed, back empty");
        redis.kill(soon, "", false);
        break;
      case 4:
        coverage_->count("fault: Redis killed, back as it was");
        redis.kill(soon, saved(), rng_.chance(0.6));
        break;
      case 5: {
        coverage_->count("fault: Redis killed, back with an old state");
        const bool keep = rng_.chance(0.5);
        clock_.in(rng_.between(10 * kMs, 500 * kMs), [this, keep, soon, old = saved()] {
          if (world_->redis().up()) world_->redis().kill(soon, old, keep);
        });
        break;
      }
      case 6:
        coverage_->count("fault: Redis hangs");
        redis.hang(rng_.chance(0.7) ? soon : rng_.between(1 * kSecond, 3 * kSecond));
        break;
      case 7:
        coverage_->count("fault: connections to Redis cut");
        redis.cut_connections();
        break;
      case 8:
        coverage_->count("fault: main link cut");
        world_->cut_link(Link::kMain);
        break;
      case 9:
        coverage_->count("fault: tap cut");
        world_->cut_link(Link::kTap);
        break;
      case 10:
        coverage_->count("fault: log away");
        world_->sim_log().go_away(rng_.chance(0.7) ? soon : rng_.between(1 * kSecond, 3 * kSecond));
        break;
      case 11:
        coverage_->count("fault: all clients disconnect");
        for (const auto& client : clients_) client->disconnect();
        break;
      case 12:
        coverage_->count("fault: proxy told to stop");
        world_->drain_proxy(soon);
        break;
      default:
        coverage_->count("fault: proxy and Redis killed");
        world_->crash_proxy(rng_.between(0, 12), soon);
        redis.kill(rng_.between(1 * kMs, 1 * kSecond), rng_.chance(0.5) ? saved() : "", rng_.chance(0.5));
        break;
    }
  }

  void watch() {
    for (const auto& client : clients_) client->check_patience();
    clock_.in(500 * kMs, [this] { watch(); });
  }

  bool until(const std::function<bool()>& done, int64_t limit_us, const char* else_what) {
    while (world_->failure().empty() && !done()) {
      if (clock_.now_us() > limit_us) {
        const Shard* shard = world_->shard();
        world_->fail(std::string(else_what) + "; the proxy is " +
                     (shard == nullptr ? "down" : std::string(shard->status().attaching)));
        return false;
      }
      clock_.step();
    }
    return world_->failure().empty();
  }

  // Nothing happens any more but what is under way.
  bool come_to_rest() {
    if (listener_) listener_->stop();
    world_->sim_log().set_fault_rate(0);
    world_->sim_log().come_back();
    world_->set_snapshot_faults(false);
    world_->redis().set_background(false);
    const int64_t limit = clock_.now_us() + kRestWithin;
    int64_t since = clock_.now_us();
    const auto rests = [&] {
      const bool now = world_->shard() != nullptr && world_->shard()->status().ready && world_->shard()->drained();
      if (!now) since = clock_.now_us();
      // Longer than anything that is late.
      return now && clock_.now_us() - since > 4 * kSecond;
    };
    return until(rests, limit, "it did not come to rest");
  }

  void check() {
    const std::string failure = check_log_and_redis(world_.get(), plan_.world.redis, coverage_);
    if (!failure.empty()) world_->fail(failure);
  }

  RunResult result() {
    RunResult result;
    result.failure = world_->failure();
    result.events = clock_.events();
    result.simulated_us = clock_.now_us();
    for (const auto& client : clients_) result.requests += client->requests();
    result.trace = world_->traced();
    return result;
  }

  Rng rng_;
  SimClock clock_;
  Coverage* coverage_;
  SharedCounter shared_;
  SharedQueue queue_;
  const Plan plan_;
  int64_t aimed_ = 0;
  std::unique_ptr<SimWorld> world_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::unique_ptr<SimListener> listener_;
};

}  // namespace

RunResult run_seed(uint64_t seed, bool trace, Coverage* coverage) { return Run(seed, trace, coverage).run(); }

}  // namespace holdfast::simulation
