// The certificates in use: loaded from their files at the start, and again when the files change or somebody asks.
// Files that cannot be used leave in use what is; connections go on with what they began with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "core/result.h"
#include "tls/context.h"

namespace holdfast {

class Certificates {
 public:
  explicit Certificates(const Settings& settings);

  // At the start: the error names the file.
  Result<Done> load();
  // Whether it worked is told in a message.
  void reload();
  // What clients would be served with; nullptr: nobody comes with TLS, so nothing is looked at.
  static Result<std::shared_ptr<const TlsContext>> load_clients(const TlsOptions& options, bool wanted);
  // They are served with that from now on.
  void change_clients(const TlsOptions& options, std::shared_ptr<const TlsContext> context);
  const TlsOptions& client_options() const { return clients_.options; }
  // To be called now and then: loads again when files have changed and stay as they are.
  void check_files();

  // For one connection that begins now. nullptr: without TLS.
  const TlsContext* for_clients() const { return clients_.context.get(); }
  const TlsContext* for_redis() const { return redis_.context.get(); }
  const TlsContext* for_feed() const { return feed_.context.get(); }

 private:
  struct Use {
    std::string name;  // for people
    bool wanted = false;
    TlsOptions options;
    std::shared_ptr<const TlsContext> context;
  };

  void find_files();
  std::string look_at_files() const;

  Use clients_, redis_, feed_;
  std::vector<std::string> files_;
  // What the files look like from outside: when they were loaded, and when they were last looked at.
  std::string loaded_, seen_;
};

}  // namespace holdfast
