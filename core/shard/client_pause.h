// CLIENT PAUSE: until when, and what is held up.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace holdfast {

class ClientPause {
 public:
  // A pause may be made longer or stronger by another one, not shorter or weaker.
  void begin(int64_t until_ms, bool all);
  void end();
  bool on() const { return until_ms_ > 0; }
  bool all() const { return all_; }  // reads have to wait, too
  int64_t until_ms() const { return until_ms_; }

  // Whether Redis says that the function does not write. False also while it has not been asked: see asks(). What it
  // says holds until the end of the pause, for it is asked once no write is under way any more.
  bool only_reads(std::string_view function);
  // Whether it is to be asked now, by FUNCTION LIST; the answer goes to on_functions() with the pause's number.
  bool asks() const { return wanted_ && !asked_ && on(); }
  uint64_t begin_asking();
  void on_functions(uint64_t pause, std::string_view reply);  // empty: there is none, it must be asked again

 private:
  int64_t until_ms_ = 0;
  bool all_ = false;
  bool wanted_ = false, asked_ = false;
  uint64_t number_ = 0;
  std::set<std::string, std::less<>> reading_functions_;
};

}  // namespace holdfast
