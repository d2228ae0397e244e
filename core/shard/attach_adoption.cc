// Attaching to a Redis that has data while the log has none: its RDB becomes the base snapshot.
#include <string>

#include "core/resp/reply.h"
#include "core/shard/attach.h"

namespace holdfast {

void Attach::adopt() {
  world_->note(World::Level::kInfo, "Redis holds " + std::to_string(redis_.keys) +
                                        " keys and the log none: making the base snapshot of them");
  source_.reset();
  stage_ = Stage::kAdopting;
  connect_tap("", 0);
}

void Attach::on_tap_rdb(std::string_view piece, bool last) {
  if (stage_ != Stage::kAdopting) return;
  world_->snapshot_data(piece);
  if (!last) return;
  tap_up_ = true;
  stage_ = Stage::kSaving;
  world_->snapshot_end();
}

void Attach::on_snapshot_saved(const Result<SnapshotRef>& saved) {
  if (stage_ != Stage::kSaving) return;
  if (!saved.ok()) {
    refuse(saved.error());
    return;
  }
  snapshot_ = encode_snapshot_ref(*saved);
  stage_ = Stage::kRecording;
  if (line_->leading()) line_->append_snapshot(snapshot_, snapshot_settled_);
}

void Attach::on_snapshot_committed() {
  if (stage_ != Stage::kRecording) return;
  // Reading may begin at the very start: everything since then is about this state.
  marker_ = Marker{log_id_, line_->committed(), ChainState{}};
  backend_->request(redis_.reserved_db, {"SET", kMarkerKey, encode_marker(marker_)}, [this](std::string_view reply) {
    if (stage_ != Stage::kRecording) return;
    if (reply.starts_with('-')) {
      refuse("Redis refuses to be marked: " + error_text(reply));
      return;
    }
    // The full sync has left an RDB without the marker in Redis's directory: should Redis come back with it, it would
    // look like one that was never behind Holdfast.
    backend_->request(-1, {"BGSAVE"}, [](std::string_view) {});
    finish();
  });
}

}  // namespace holdfast
