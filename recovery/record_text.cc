#include "recovery/record_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>

#include "core/record/snapshot_ref.h"
#include "core/resp/request.h"
#include "core/resp/words.h"
#include "core/shard/users.h"
#include "recovery/moment.h"
#include "recovery/options.h"

namespace holdfast {
namespace {

using Json = nlohmann::ordered_json;

std::vector<RecordCommand> commands_of(std::string_view value) {
  std::vector<RecordCommand> commands;
  RequestParser parser(kNoRequestLimits);
  int db = 0;
  while (!value.empty() && parser.parse(value) == RequestParser::Status::kComplete) {
    const auto& argv = parser.argv();
    // Holdfast writes nothing in another form, and the words of an inline command are the parser's, not the record's.
    if (parser.canonical().data() != value.data()) break;
    if (argv.size() == 2 && same_word(argv[0], "SELECT")) {
      std::from_chars(argv[1].data(), argv[1].data() + argv[1].size(), db);
    } else {
      commands.push_back({db, argv});
    }
    value.remove_prefix(parser.consumed());
  }
  return commands;
}

bool is_about_all_keys(std::string_view command) {
  return same_word(command, "FLUSHALL") || same_word(command, "FLUSHDB") || same_word(command, "SWAPDB");
}

std::string text_of(const RecordCommand& command) {
  std::string text = "[" + std::to_string(command.db) + "]";
  for (std::string_view argument : command.argv) text += " " + quoted(argument);
  return text;
}

std::string place_text(const Segment& segment) {
  if (segment.place == Segment::Place::kInsteadOf) return "in place of batch " + std::to_string(segment.batch);
  if (segment.batch == kNoPosition) return "before the first batch";
  return "behind batch " + std::to_string(segment.batch);
}

Json commands_json(const RecordPart& part) {
  Json list = Json::array();
  for (const RecordCommand& command : part.commands) {
    Json one{{"db", command.db}};
    const bool text = std::all_of(command.argv.begin(), command.argv.end(), is_utf8);
    Json& arguments = one[text ? "args" : "args_base64"] = Json::array();
    for (std::string_view argument : command.argv) arguments.push_back(text ? std::string(argument) : base64(argument));
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace

std::vector<RecordPart> parts_of(const Record& record) {
  std::vector<RecordPart> parts;
  if (record.type == RecordType::kBatch) {
    parts.push_back({nullptr, commands_of(record.value), 0});
  } else if (record.type == RecordType::kEffects) {
    size_t at = 0;
    for (const Segment& segment : record.segments) {
      const std::string_view value(record.value);
      parts.push_back({&segment, commands_of(value.substr(std::min(at, value.size()), segment.length)), 0});
      at += segment.length;
    }
  }
  return parts;
}

bool filter_key(std::string_view key, std::vector<RecordPart>* parts) {
  for (RecordPart& part : *parts) {
    part.left_out = std::erase_if(part.commands, [key](const RecordCommand& command) {
      const auto& argv = command.argv;
      return !is_about_all_keys(argv[0]) && std::find(argv.begin() + 1, argv.end(), key) == argv.end();
    });
  }
  std::erase_if(*parts, [](const RecordPart& part) { return part.commands.empty(); });
  return !parts->empty();
}

const char* type_name(RecordType type) {
  switch (type) {
    case RecordType::kBatch: return "batch";
    case RecordType::kEffects: return "effects";
    case RecordType::kClaim: return "claim";
    case RecordType::kSettled: return "settled";
    case RecordType::kSnapshot: return "snapshot";
    case RecordType::kUsers: return "users";
  }
  return "";
}

std::string record_text(const Record& record, const std::vector<RecordPart>& parts, bool local_time) {
  std::string text = std::to_string(record.position) + "  " +
                     (local_time ? local_text(record.time_ms) : utc_text(record.time_ms)) + "  " +
                     type_name(record.type) + "  epoch " + std::to_string(record.epoch) + "  sequence " +
                     std::to_string(record.sequence) + "  settled " + std::to_string(record.settled.position);
  if (record.parts > 1) text += "  in " + std::to_string(record.parts) + " parts";
  if (!record.settled.replid.empty()) {
    text += "  stream " + record.settled.replid + ":" + std::to_string(record.settled.offset) + ":" +
            std::to_string(record.settled.db);
  }
  if (record.type == RecordType::kClaim) text += "  log " + record.value + "  by " + record.nonce;
  if (record.type == RecordType::kSnapshot) {
    const Result<SnapshotRef> ref = parse_snapshot_ref(record.value);
    text += ref.ok() ? "  " + ref->file + "  " + std::to_string(ref->bytes) + " bytes  checksum " + hex16(ref->check)
                     : "  " + ref.error();
  }
  text += '\n';
  if (record.type == RecordType::kUsers) {
    for (const std::string& line : user_lines(parse_user_text(record.value))) text += "    " + line + '\n';
  }
  for (const RecordPart& part : parts) {
    std::string indent = "    ";
    if (part.segment != nullptr) {
      text += indent + place_text(*part.segment) + (part.commands.empty() ? ": nothing\n" : ":\n");
      indent += "  ";
    }
    for (const RecordCommand& command : part.commands) text += indent + text_of(command) + '\n';
    if (part.left_out > 0) text += indent + "(and " + std::to_string(part.left_out) + " about other keys)\n";
  }
  return text;
}

Json record_json(const Record& record, const std::vector<RecordPart>& parts) {
  Json json{{"position", record.position},
            {"time", utc_text(record.time_ms)},
            {"time_ms", record.time_ms},
            {"type", type_name(record.type)},
            {"epoch", record.epoch},
            {"sequence", record.sequence},
            {"settled", record.settled.position}};
  if (record.parts > 1) json["parts"] = record.parts;
  if (!record.settled.replid.empty()) {
    json["stream"] = {{"replid", record.settled.replid}, {"offset", record.settled.offset}, {"db", record.settled.db}};
  }
  if (record.type == RecordType::kClaim) {
    json["log_id"] = record.value;
    json["nonce"] = record.nonce;
  }
  if (record.type == RecordType::kSnapshot) {
    if (const Result<SnapshotRef> ref = parse_snapshot_ref(record.value); ref.ok()) {
      json["file"] = ref->file;
      json["bytes"] = ref->bytes;
      json["checksum"] = hex16(ref->check);
    }
  }
  if (record.type == RecordType::kUsers) json["users"] = user_lines(parse_user_text(record.value));
  if (record.type == RecordType::kEffects) json["segments"] = Json::array();
  for (const RecordPart& part : parts) {
    if (part.segment == nullptr) {
      json["commands"] = commands_json(part);
      if (part.left_out > 0) json["other_commands"] = part.left_out;
      continue;
    }
    Json one{{"place", part.segment->place == Segment::Place::kInsteadOf ? "instead-of" : "behind"},
             {"batch", part.segment->batch},
             {"commands", commands_json(part)}};
    if (part.left_out > 0) one["other_commands"] = part.left_out;
    json["segments"].push_back(std::move(one));
  }
  return json;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '\\':
      case '"':
        out += '\\';
        out += c;
        break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      default:
        if (c >= ' ' && c <= '~') {
          out += c;
        } else {
          char escape[8];
          std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
          out += escape;
        }
    }
  }
  return out + '"';
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    uint32_t point = length == 1 ? lead : lead & (0x7fU >> length);
    for (size_t j = 1; j < length; j++) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += length;
  }
  return true;
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; j++) group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; j++) out += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace holdfast
