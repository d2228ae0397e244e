// The ACL file (users.file): read at the first start and by ACL LOAD, written by ACL SAVE.
#pragma once

#include <string>

#include "core/result.h"

namespace holdfast {

Result<std::string> read_users_file(const std::string& path);
// In the place of what is there, all of it or nothing.
Result<Done> write_users_file(const std::string& path, const std::string& text);

// The password of Holdfast's own account in Redis: random, and kept in `directory` for the next start, readable by
// nobody else. Where it cannot be kept, the error says why; `password` is there all the same.
Result<Done> own_password(const std::string& directory, std::string* password);

}  // namespace holdfast
