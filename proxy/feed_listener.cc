#include "proxy/feed_listener.h"

#include "core/shard/shard.h"

namespace holdfast {
namespace {

constexpr size_t kReadBytes = 16 << 10;  // a replica says little
constexpr int kBacklog = 16;

}  // namespace

class FeedListener::Connection final : public Socket {
 public:
  explicit Connection(FeedListener* feed) : Socket(feed->loop_, &feed->buffer_, Kind::kTcp), feed_(feed) {}

  void leave() {
    feed_ = nullptr;
    close(0);
  }

 private:
  void on_data(std::string_view data) override { feed_->shard_->on_feed_data(data); }
  void on_closed(int /*why*/) override {
    if (feed_ == nullptr) return;
    feed_->connection_ = nullptr;
    feed_->shard_->on_feed_closed();
  }

  FeedListener* feed_;  // nullptr: nobody wants to hear of it any more
};

FeedListener::FeedListener(uv_loop_t* loop, Shard* shard)
    : loop_(loop), shard_(shard), listener_(loop, this), buffer_(kReadBytes) {}

Result<Done> FeedListener::listen(const Address& address, const std::string& flag) {
  return listener_.listen(address, flag, kBacklog);
}

void FeedListener::on_connection(uv_stream_t* server) {
  auto* connection = new Connection(this);
  if (const int failed = uv_accept(server, connection->stream()); failed != 0) {
    return connection->leave();
  }
  close();
  connection_ = connection;
  connection_->tune_tcp();
  connection_->set_reading(true);
  shard_->on_feed_connected();
}

void FeedListener::send(std::string bytes) {
  if (connection_ != nullptr) connection_->send(std::move(bytes));
}

size_t FeedListener::unsent() const { return connection_ != nullptr ? connection_->unsent() : 0; }

void FeedListener::close() {
  if (connection_ == nullptr) return;
  connection_->leave();
  connection_ = nullptr;
}

}  // namespace holdfast
