// Protected mode, as in Redis: as long as anybody could sign in as anybody, only this machine is let in.
#include <string_view>

#include "core/shard/frontdesk.h"

namespace holdfast {
namespace {

// Redis's words, but for where its settings are.
constexpr std::string_view kDenied =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    "default user. In this mode connections are only accepted from the loopback interface. If you want to connect "
    "from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode "
    "sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the "
    "same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. "
    "2) Alternatively you can just disable the protected mode by editing the configuration file of Holdfast, which is "
    "in front of Redis, and setting protected-mode = false in its section [listen], and then restarting Holdfast. 3) "
    "If you started the server manually just for testing, restart it with the '--listen-protected-mode=false' option. "
    "4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in "
    "order for the server to start accepting connections from the outside.\r\n";

// HOST:PORT or [HOST]:PORT; an IPv4 address may have come to an IPv6 socket.
bool is_from_here(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("[::1]:") || address.starts_with("[::ffff:127.");
}

}  // namespace

void Frontdesk::come_to_the_door(Session* session) {
  session->at_the_door = limits_.protected_mode && !is_from_here(session->address());
  if (session->at_the_door && !let_in(session)) at_the_door_.push_back(session->id());
}

// False: it must wait until the users are known.
bool Frontdesk::let_in(Session* session) {
  if (counter_->users().empty()) return false;
  session->at_the_door = false;
  if (limits_.protected_mode && default_is_open()) {
    answer(session, kDenied);
    session->closing = true;
  }
  return true;
}

}  // namespace holdfast
