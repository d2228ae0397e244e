// The bytes of one direction of a connection that are no whole request or reply yet. Usually none: what is whole is
// dealt with where it was read. Room that was needed is kept for what comes next, but no large one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

class Incoming {
 public:
  // `ahead`: room for so many bytes is made as soon as they are announced, as Redis does for its clients; more only as
  // they come.
  explicit Incoming(size_t ahead = 0) : ahead_(ahead) {}

  // All that has not been dealt with: what was kept, and `fresh` behind it; as long as `fresh` is.
  std::string_view with(std::string_view fresh);
  // What is left over: the end of what with() gave. `wanted`: how many bytes the request or reply that it begins with
  // takes in all, as far as that is known: the peer may only say so.
  void keep(std::string_view rest, size_t wanted);
  void clear();

  // Gives back, by and by, what was not needed since the last call; all of it if `idle`: nothing has come for a while.
  void trim(bool idle);

  size_t size() const { return kept_.size(); }
  // Memory that it holds, and the part of it that nothing is in.
  size_t capacity() const { return kept_.capacity() > kInside ? kept_.capacity() : 0; }
  size_t room() const { return capacity() > size() ? capacity() - size() : 0; }

 private:
  static constexpr size_t kInside = 15;  // that a string has in itself

  size_t room_for(size_t bytes) const;
  void make_room(size_t needed);
  void give_room(size_t capacity, std::string_view bytes);

  size_t ahead_;
  std::string kept_;
  size_t wanted_ = 0;
  size_t peak_ = 0;  // of its size since it was last trimmed
};

}  // namespace holdfast
