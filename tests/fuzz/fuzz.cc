#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <new>

namespace holdfast::fuzz {

namespace {
size_t allocated = 0;
}

std::string Random::bytes(size_t size) {
  std::string result(size, '\0');
  for (char& c : result) c = byte();
  return result;
}

size_t allocated_bytes() { return allocated; }

namespace {

void replace_number(Random* random, std::string* bytes) {
  static constexpr std::string_view kHostile[] = {"0",
                                                  "-1",
                                                  "1048576",
                                                  "1048577",
                                                  "536870912",
                                                  "536870913",
                                                  "2147483647",
                                                  "-2",
                                                  "2147483648",
                                                  "4294967296",
                                                  "999999999",
                                                  "9223372036854775807",
                                                  "9223372036854775808",
                                                  "-0",
                                                  "01",
                                                  "",
                                                  "+1",
                                                  "1e3",
                                                  "99999999999999999",
                                                  "-9223372036854775808",
                                                  "18446744073709551616"};
  const size_t begin = bytes->find_first_of("0123456789", random->below(bytes->size()));
  if (begin == std::string::npos) return;
  const size_t end = std::min(bytes->find_first_not_of("0123456789", begin), bytes->size());
  bytes->replace(begin, end - begin, random->pick(kHostile));
}

}  // namespace

void mutate(Random* random, std::string* bytes) {
  static constexpr char kTelling[] = {'\r', '\n', '\0', '*', '$', '-', '"', '\'',
                                      '\\', ' ',  '0',  '9', '%', '|', '+', ':'};
  for (size_t times = random->between(1, 4); times > 0 && !bytes->empty(); --times) {
    const size_t at = random->below(bytes->size());
    const size_t length = random->between(1, std::min<size_t>(bytes->size() - at, 16));
    switch (random->below(7)) {
      case 0: (*bytes)[at] = random->byte(); break;
      case 1: (*bytes)[at] = random->pick(kTelling); break;
      case 2: bytes->insert(at, 1, random->pick(kTelling)); break;
      case 3: bytes->erase(at, length); break;
      case 4: bytes->insert(at, std::string(*bytes, random->below(bytes->size()), length)); break;
      case 5: bytes->resize(at); break;
      default: replace_number(random, bytes);
    }
  }
}

}  // namespace holdfast::fuzz

// The counting that allocated_bytes() needs. The other forms of new and delete end up in these.
void* operator new(size_t size) {
  holdfast::fuzz::allocated += size;
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
