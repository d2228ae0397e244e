#include "tests/fuzz/fuzz.h"

#include <malloc.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <new>

namespace holdfast::fuzz {

namespace {
// Some targets have a thread of their own.
std::atomic<size_t> allocated = 0;
std::atomic<size_t> live = 0;
}  // namespace

std::string Random::bytes(size_t size) {
  std::string result(size, '\0');
  for (char& c : result) c = byte();
  return result;
}

ExactCopy::ExactCopy(std::string_view bytes) : size_(bytes.size()), block_(new char[bytes.size()]) {
  bytes.copy(block_.get(), size_);
}

size_t allocated_bytes() { return allocated; }
size_t live_bytes() { return live; }

// In a function, as registrations in other files may come before anything defined here.
std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

Random random_from(std::string_view bytes) { return Random(XXH3_64bits(bytes.data(), bytes.size())); }

std::vector<size_t> random_cuts(Random* random, size_t size) {
  std::vector<size_t> cuts;
  if (size <= 300 && random->chance(30)) {  // byte by byte
    for (size_t i = 1; i < size; ++i) cuts.push_back(i);
  } else if (size > 0) {
    for (size_t i = random->below(12); i > 0; --i) cuts.push_back(random->below(size));
    std::sort(cuts.begin(), cuts.end());
  }
  cuts.push_back(size);
  return cuts;
}

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

// The counting that allocated_bytes() needs. The other forms of new and delete end up in these, or (new[] under ASan)
// are a pair of their own.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  holdfast::fuzz::allocated += size;
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block != nullptr) holdfast::fuzz::live += malloc_usable_size(block);
  return block;
}
void* operator new(size_t size) {
  void* block = operator new(size, std::nothrow);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void operator delete(void* block) noexcept {
  if (block != nullptr) holdfast::fuzz::live -= malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, size_t) noexcept { operator delete(block); }
