// Settling: follows the tap, compares what Redis did with what the log says, and knows through which offset of the
// replication stream the log holds all it takes to reproduce the state.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/shard/batch.h"
#include "core/shard/effects_match.h"

namespace holdfast {

// Effects on their way into the log as one EFFECTS record.
struct EffectsDraft {
  std::vector<Segment> segments;
  std::string value;
  Settled settled;  // what holds once the record counts

  void append(const std::vector<Segment>& more, std::string_view commands);
};

class Settler {
 public:
  void set_reserved_db(int db) { reserved_db_ = db; }

  // A new stream: the tap goes on where `settled` says. No effects may be due any more.
  void restart(const Settled& settled, const ChainState& chain);

  // Who follows what was done: told of each unit's effects as they are complete. `batch`: whose they are; nullptr: they
  // stand between batches.
  using Follower = std::function<void(const Batch* batch, const EffectList& effects, int64_t end_offset)>;
  void set_follower(Follower follower) { follower_ = std::move(follower); }

  // A batch was sent to Redis. It must stay where it is until its state is kSeen.
  void expect(Batch* batch) { expected_.push_back(batch); }
  // Of what was sent, Redis has executed the batches through `position`; the others will be sent again.
  void forget_behind(Position position);

  // One command of the stream. The batches whose effects are complete with it are appended to `seen`.
  void on_command(const std::vector<std::string_view>& argv, std::string_view raw, int64_t end_offset, int64_t now_ms,
                  std::vector<Batch*>* seen);
  // The oldest expected batch was refused as a whole: it did nothing and left nothing on the tap. Call whenever that
  // may have become known.
  void settle_refused(std::vector<Batch*>* seen);

  // Whether the marker has gone since the last call, other than by a batch.
  bool take_marker_lost() { return std::exchange(marker_lost_, false); }

  // Effects that must go into the log. Taking them gives them to a record; the records count in the order of taking.
  bool has_effects() const { return !draft_.segments.empty(); }
  bool effects_due() const { return has_effects() || !under_way_.empty(); }
  EffectsDraft take_effects();
  void on_effects_committed();
  // A new base snapshot holds what they did. None may be under way.
  void drop_effects() { draft_ = EffectsDraft{}; }
  // The records under way are void: their effects are due again.
  void effects_void();

  // The database that is selected in the replication stream, and whether it is inside a MULTI.
  int stream_db() const { return stream_db_; }
  bool in_unit() const { return in_multi_; }

  // What the next record's header may say, provided that has_effects() is false.
  const Settled& header_settled() const { return processed_; }
  const ChainState& settled_chain() const { return processed_chain_; }

  // Up to here the tap has been read.
  int64_t read_offset() const { return processed_.offset; }
  // Up to here all is settled, but for removals of keys; those hold back only what touches the key.
  int64_t settled_offset() const { return settled_offset_; }
  // The number of the removal that `touches` must wait for; 0: none. Compare with removals_committed().
  uint64_t removal_of(uint64_t touches) const;
  uint64_t removals_committed() const { return committed_record_; }

 private:
  struct UnderWay {
    uint64_t record;
    EffectsDraft draft;
  };
  struct Point {
    int64_t offset;
    uint64_t record;  // the EFFECTS record that must be committed before; 0: none
  };

  void end_unit(int64_t end_offset, int64_t now_ms, std::vector<Batch*>* seen);
  void batch_seen(Batch* batch, bool matches, int64_t end_offset, int64_t now_ms, std::vector<Batch*>* seen);
  void effects_between(int64_t now_ms, int64_t end_offset);
  void add_segment(Segment::Place place, Position batch, const EffectList& effects, int64_t now_ms);
  void add_point(int64_t offset, uint64_t record);
  void advance();
  void processed_through(int64_t end_offset);

  Follower follower_;
  int reserved_db_ = -1;
  int stream_db_ = -1;
  bool in_multi_ = false;
  EffectList unit_;
  Position unit_marker_ = kNoPosition;
  bool marker_lost_ = false;

  std::deque<Batch*> expected_;
  Settled processed_;
  ChainState processed_chain_;

  EffectsDraft draft_;
  std::deque<UnderWay> under_way_;
  uint64_t next_record_ = 1;       // the number that the draft's record will have
  uint64_t committed_record_ = 0;  // the number of the newest committed EFFECTS record

  std::deque<Point> points_;
  int64_t settled_offset_ = 0;
  std::unordered_map<uint64_t, uint64_t> removals_;  // key hash -> record
  uint64_t newest_removal_ = 0;
};

}  // namespace holdfast
