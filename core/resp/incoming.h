// The bytes of one direction of a connection that are no whole request or reply yet. Bytes are kept only when something
// is left over, and a large buffer is given back as soon as what it was for is dealt with.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

class Incoming {
 public:
  // All that has not been dealt with: what was kept, and `fresh` behind it; as long as `fresh` is. `wanted`: how many
  // bytes there must be before anything can be done, as far as that is known.
  std::string_view with(std::string_view fresh, size_t wanted);
  // What is left over: the end of what with() gave.
  void keep(std::string_view rest);

  void clear() { std::string().swap(kept_); }
  size_t size() const { return kept_.size(); }
  // Memory that it holds.
  size_t capacity() const { return kept_.capacity(); }

 private:
  std::string kept_;
};

}  // namespace holdfast
