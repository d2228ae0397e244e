// A small seeded fuzzer: hostile input for everything that parses bytes which it did not write.
//
// A target is a function that makes one input out of a Random, feeds it, and checks with HOLDFAST_CHECK what must hold.
// A file of its own registers it:
//
//   void fuzz_record(Random* random) { … }
//   const Registration kRecord("record", fuzz_record);
//
// Run it under -fsanitize=address,undefined. Run k of seed S is run 0 of seed S + k, so `fuzz record --runs 1 --seed N`
// repeats the one run that failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

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
  explicit ExactCopy(std::string_view bytes) : size_(bytes.size()), block_(new char[bytes.size()]) {
    bytes.copy(block_.get(), size_);
  }
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

class Registration {
 public:
  Registration(const char* name, void (*run)(Random*));
};

}  // namespace holdfast::fuzz
