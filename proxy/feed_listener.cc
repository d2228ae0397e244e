#include "proxy/feed_listener.h"

#include <spdlog/spdlog.h>

#include "core/shard/shard.h"
#include "proxy/certificates.h"

namespace holdfast {
namespace {

constexpr size_t kReadBytes = 16 << 10;  // a replica says little
constexpr int kBacklog = 16;

}  // namespace

class FeedListener::Connection final : public TlsSocket {
 public:
  explicit Connection(FeedListener* feed) : TlsSocket(feed->loop_, &feed->buffer_, Kind::kTcp), feed_(feed) {}

  void leave() {
    feed_ = nullptr;
    close(0);
  }

 private:
  void on_plain(std::string_view data) override { feed_->shard_->on_feed_data(data); }
  void on_secured() override { feed_->take(this); }
  void on_tls_failed() override {
    const std::string text = feed_->failures_.note("TLS with Redis at the feed failed: " + tls_failure(),
                                                   static_cast<int64_t>(uv_now(loop())));
    if (!text.empty()) spdlog::warn("{}", text);
    close(UV_EPROTO);
  }
  void on_closed(int /*why*/) override {
    if (feed_ == nullptr) return;
    if (feed_->shaking_hands_ == this) {
      feed_->shaking_hands_ = nullptr;
      return;
    }
    feed_->connection_ = nullptr;
    feed_->shard_->on_feed_closed();
  }

  FeedListener* feed_;  // nullptr: nobody wants to hear of it any more
};

FeedListener::FeedListener(uv_loop_t* loop, const Certificates* certificates, Shard* shard)
    : loop_(loop), certificates_(certificates), shard_(shard), listener_(loop, this), buffer_(kReadBytes) {}

Result<Done> FeedListener::listen(const Address& address, const std::string& flag) {
  return listener_.listen(address, flag, kBacklog);
}

void FeedListener::on_connection(const Listener& /*listener*/, uv_stream_t* server) {
  auto* connection = new Connection(this);
  if (const int failed = uv_accept(server, connection->stream()); failed != 0) {
    return connection->leave();
  }
  connection->tune_tcp();
  const TlsContext* tls = certificates_->for_feed();
  if (tls == nullptr) {
    take(connection);
  } else {
    if (shaking_hands_ != nullptr) shaking_hands_->leave();
    shaking_hands_ = connection;
    connection->secure(*tls);
  }
  connection->set_reading(true);
}

void FeedListener::take(Connection* connection) {
  if (shaking_hands_ == connection) shaking_hands_ = nullptr;
  close();
  connection_ = connection;
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
