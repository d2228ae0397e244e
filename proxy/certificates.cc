#include "proxy/certificates.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "proxy/options.h"

namespace holdfast {

Certificates::Certificates(const Settings& settings)
    : clients_{"clients", !settings.tls.listen.is_off(), client_tls_options(settings)},
      redis_{"Redis", settings.redis.tls, redis_tls_options(settings)},
      feed_{"the feed", settings.redis.tls, feed_tls_options(settings)} {
  find_files();
}

void Certificates::find_files() {
  files_.clear();
  for (const Use* use : {&clients_, &redis_, &feed_}) {
    if (!use->wanted) continue;
    const TlsOptions& options = use->options;
    for (const std::string& file :
         {options.cert_file, options.key_file, options.ca_cert_file, options.ca_cert_dir, options.crl_file}) {
      if (!file.empty()) files_.push_back(file);
    }
  }
}

Result<Done> Certificates::load() {
  loaded_ = seen_ = look_at_files();
  std::vector<std::shared_ptr<const TlsContext>> fresh;
  for (const Use* use : {&clients_, &redis_, &feed_}) {
    fresh.emplace_back();
    if (!use->wanted) continue;
    auto context = TlsContext::load(use->options);
    if (!context) return Error{"TLS for " + use->name + ": " + context.error()};
    fresh.back() = *context;
  }
  // All or none: they may belong together.
  auto next = fresh.begin();
  for (Use* use : {&clients_, &redis_, &feed_}) {
    use->context = *next++;
    if (use->context == nullptr || use->context->describe_certificate().empty()) continue;
    spdlog::info("TLS for {}: the certificate is {}", use->name, use->context->describe_certificate());
  }
  return Done{};
}

Result<std::shared_ptr<const TlsContext>> Certificates::load_clients(const TlsOptions& options, bool wanted) {
  if (!wanted) return std::shared_ptr<const TlsContext>();
  if (options.cert_file.empty()) return Error{"TLS for clients: there is no certificate"};
  if (options.peer != TlsOptions::PeerCertificate::kNone && options.ca_cert_file.empty() &&
      options.ca_cert_dir.empty()) {
    return Error{"TLS for clients: there is no CA to check their certificates against"};
  }
  auto context = TlsContext::load(options);
  if (!context) return Error{"TLS for clients: " + context.error()};
  return context;
}

// Its files, which may not have been looked at before, will be found changed and loaded once more with the others.
void Certificates::change_clients(const TlsOptions& options, std::shared_ptr<const TlsContext> context) {
  clients_.options = options;
  clients_.wanted = context != nullptr;
  clients_.context = std::move(context);
  find_files();
}

void Certificates::reload() {
  if (auto done = load(); !done) spdlog::warn("{}; what was loaded before stays in use", done.error());
}

void Certificates::check_files() {
  if (files_.empty()) return;
  std::string now = look_at_files();
  // Twice the same: who replaces several of them is done, or nearly so.
  if (now == seen_ && now != loaded_) reload();
  seen_ = std::move(now);
}

std::string Certificates::look_at_files() const {
  std::string looks;
  for (const std::string& file : files_) {
    struct stat about {};
    if (stat(file.c_str(), &about) != 0) about = {};
    for (const auto number :
         {static_cast<int64_t>(about.st_dev), static_cast<int64_t>(about.st_ino), static_cast<int64_t>(about.st_size),
          static_cast<int64_t>(about.st_mtim.tv_sec), static_cast<int64_t>(about.st_mtim.tv_nsec)}) {
      looks += std::to_string(number) + ' ';
    }
  }
  return looks;
}

}  // namespace holdfast
