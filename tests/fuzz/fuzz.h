// Hostile input for everything that parses bytes which it did not write.
//
// A target is a function that checks with HOLDFAST_CHECK what must hold. It makes one input out of a Random by itself,
// or it takes bytes as they come. A file of its own registers it:
//
//   void fuzz_record(Random* random) { … }
//   void fuzz_requests(std::string_view bytes) { … }
//   const Registration kRecord("record", fuzz_record), kRequests("requests", fuzz_requests);
//
// What takes bytes is run in two ways. Here (main.cc), with any compiler: each file of corpus/<target>/ first, then
// files changed and joined at random. And with clang (coverage.cc) under libFuzzer, which goes where the code has not
// been yet;
// `./test --fuzz MINUTES` does that, and what it finds worth keeping becomes the corpus.
//
// Run it under -fsanitize=address,undefined. Run k of seed S is run 0 of seed S + k, so `fuzz record --runs 1 --seed N`
// repeats the one run that failed, and `fuzz requests --file F` one input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::fuzz {

// splitmix64: https://prng.di.unimi.it/splitmix64.c
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }             // 0 … bound - 1
  size_t between(size_t least, size_t most) { return least + below(most - least + 1); }  // both included
  bool chance(unsigned percent) { return below(100) < percent; }
  char byte() { return static_cast<char>(next() & 0xff); }
  std::string bytes(size_t size);
  template <class T, size_t kSize>
  const T& pick(const T (&choices)[kSize]) {
    return choices[below(kSize)];
  }

 private:
  uint64_t state_;
};

// A copy in a block of exactly its size, so that the address sanitizer sees a read of even one byte too many.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view bytes);
  std::string_view view() const { return {block_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> block_;
};

// Damages valid bytes of RESP, or of anything with numbers in its text: bytes changed, removed, repeated, inserted,
// numbers replaced by ones that hurt.
void mutate(Random* random, std::string* bytes);

// All bytes that operator new has given out so far: what an input makes a parser allocate must be in proportion to it.
size_t allocated_bytes();
// Those that have not been given back.
size_t live_bytes();

struct Target {
  const char* name;
  void (*run)(Random*) = nullptr;            // one of these
  void (*take)(std::string_view) = nullptr;  // two
};
std::vector<Target>& targets();

class Registration {
 public:
  Registration(const char* name, void (*run)(Random*)) { targets().push_back({.name = name, .run = run}); }
  Registration(const char* name, void (*take)(std::string_view)) { targets().push_back({.name = name, .take = take}); }
};

// For choices that a target of bytes has to make: the same for the same bytes.
Random random_from(std::string_view bytes);

// Places at which to cut bytes that come in pieces; the last one is the end.
std::vector<size_t> random_cuts(Random* random, size_t size);

}  // namespace holdfast::fuzz
