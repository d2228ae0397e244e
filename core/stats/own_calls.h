// What Holdfast itself has had Redis execute over the main link, counted as Redis counts it. What Redis has executed
// besides was done by scripts and functions (or by somebody who talks to Redis directly): that belongs to what clients
// have done, and only Redis knows of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/command/table.h"
#include "core/stats/error_counts.h"

namespace holdfast {

class OwnCalls {
 public:
  // What scripts have done of one command, or with one result.
  struct Inside {
    uint64_t calls = 0, failed = 0;
    uint64_t usec = 0;  // Redis's average, times calls: which calls took how long it does not tell
  };

  // Of the Redis behind; its commands may become others until begin().
  void set_table(const CommandTable* table) { table_ = table; }

  uint32_t number_of(const std::vector<std::string_view>& argv) const;  // 0: no known command
  // Redis has answered the command, in the order of the link.
  void executed(uint32_t command, std::string_view reply);
  void executed_select() { executed(select_, "+"); }
  void executed_marker() {
    markers_++;
    executed(set_, "+");
  }
  void refused(std::string_view error) { errors_.add(error); }

  // From here on it is counted; `info`: all that Redis had counted by then.
  void begin(std::string_view info);
  void end() { begun_ = false; }
  void reset();  // Redis counts anew, too

  // Of INFO as Redis tells it now, that is, behind all that was counted here.
  std::map<std::string, Inside, std::less<>> commands_inside(std::string_view info) const;
  std::map<std::string, uint64_t, std::less<>> errors_inside(std::string_view info) const;
  uint64_t all_errors_inside(std::string_view info) const;
  // How many changes of clients' data Redis has not saved: never fewer than there are. A save is noticed when this is
  // called, so that the markers between the two count.
  uint64_t changes_unsaved(std::string_view info);

 private:
  struct Counted {
    uint64_t calls = 0, usec = 0, failed = 0;
  };
  using Commands = std::map<std::string, Counted, std::less<>>;
  using Errors = std::map<std::string, uint64_t, std::less<>>;
  struct Baseline {
    Commands commands;
    Errors errors;
    uint64_t all_errors = 0;
  };
  static Commands commands_in(std::string_view info);
  static Errors errors_in(std::string_view info);
  static uint64_t all_errors_in(std::string_view info);

  const CommandTable* table_ = nullptr;
  bool begun_ = false;
  Baseline before_;
  std::vector<Counted> own_;  // by CommandInfo::number
  ErrorCounts errors_;
  uint32_t select_ = 0, set_ = 0;
  uint64_t markers_ = 0, markers_saved_ = 0;
  uint64_t saves_seen_ = 0, last_save_seen_ = 0;
};

}  // namespace holdfast
