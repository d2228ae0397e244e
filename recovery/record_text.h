// Records for people's eyes and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/record/record.h"

namespace holdfast {

// One command of a record, with the database it is about. SELECT itself is left out.
struct RecordCommand {
  int db = 0;
  std::vector<std::string_view> argv;
};

// A piece of a record's commands that belongs together: a batch, or one segment of effects.
struct RecordPart {
  const Segment* segment = nullptr;  // nullptr: a batch
  std::vector<RecordCommand> commands;
  size_t left_out = 0;  // by filter_key()
};

// Takes the value of a BATCH or EFFECTS record apart; the parts refer to the record.
std::vector<RecordPart> parts_of(const Record& record);

// Leaves only the commands that name `key` or that are about all keys; returns whether any are left.
bool filter_key(std::string_view key, std::vector<RecordPart>* parts);

const char* type_name(RecordType type);

std::string record_text(const Record& record, const std::vector<RecordPart>& parts, bool local_time);
nlohmann::ordered_json record_json(const Record& record, const std::vector<RecordPart>& parts);

// As redis-cli shows it: in quotes, with \n, \x00 and the like.
std::string quoted(std::string_view text);
bool is_utf8(std::string_view text);
std::string base64(std::string_view bytes);

}  // namespace holdfast
