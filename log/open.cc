#include "log/open.h"

#include "log/kafka/kafka_log.h"
#include "log/sqlite/sqlite_log.h"

namespace holdfast {

Result<std::unique_ptr<Log>> open_log(const LogOptions& options) {
  switch (options.kind) {
    case LogOptions::Kind::kSqlite: return open_sqlite_log(options);
    case LogOptions::Kind::kKafka: return open_kafka_log(options);
  }
  return Error{"unknown kind of log"};
}

}  // namespace holdfast
