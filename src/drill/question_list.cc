// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/question_list.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "drill/generator_layout.h"
#include "wire/types.h"

namespace holdfast::drill {
namespace {

constexpr size_t file_bytes_max = 1U << 30;
constexpr uint16_t class_in = 1;
constexpr uint16_t type_opt = 41;
constexpr uint32_t opt_dnssec_ok = 0x8000;  // RFC 3225 §3, in what is the TTL of other records
constexpr std::string_view blanks = " \t\r";

// The word at the beginning of `line`, which it is taken from.
std::string_view take_word(std::string_view& line) {
  const size_t start = std::min(line.find_first_not_of(blanks), line.size());
  const size_t end = std::min(line.find_first_of(blanks, start), line.size());
  const std::string_view word = line.substr(start, end - start);
  line.remove_prefix(end);
  return word;
}

Result<void> check_edns(const EdnsOptions& edns) {
  if (edns.dnssec_ok && edns.payload_bytes == 0) {
    return fail("DNSSEC OK needs an EDNS payload size");
  }
  return {};
}

}  // namespace

Result<QuestionList> QuestionList::read(const std::string& path, const EdnsOptions& edns) {
  return parse(TRY(read_file(path, file_bytes_max)), edns, path);
}

Result<QuestionList> QuestionList::parse(std::string_view lines, const EdnsOptions& edns,
                                         const std::string& origin) {
  TRY(check_edns(edns));
  QuestionList list;
  for (size_t number = 1; !lines.empty(); ++number) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.find_first_not_of(blanks) == std::string_view::npos) continue;
    if (list.size() == questions_max) {
      return fail(origin + ": more than " + std::to_string(questions_max) + " questions");
    }
    const auto added = list.add_line(line, edns);
    if (!added) return fail(origin + ":" + std::to_string(number) + ": " + added.error().message);
  }
  if (list.size() == 0) return fail(origin + ": no questions");
  return list;
}

Result<QuestionList> QuestionList::random_under(std::string_view suffix, uint16_t qtype,
                                                const EdnsOptions& edns) {
  return random_under_any({std::string(suffix)}, qtype, edns);
}

Result<QuestionList> QuestionList::random_under_any(const std::vector<std::string>& suffixes,
                                                    uint16_t qtype, const EdnsOptions& edns) {
  TRY(check_edns(edns));
  const std::string label(random_label_bytes, 'x');
  QuestionList list;
  for (const std::string& suffix : suffixes) {
    const wire::Name name =
        TRY(wire::Name::from_text(suffix == "." ? label : label + "." + suffix));
    const size_t at = list.bytes_.size();
    list.add(name.view(), qtype, edns);
    // The generator writes and sums up the label's characters itself.
    for (size_t index = 0; index < random_label_bytes; ++index) list.bytes_[at + 1 + index] = 0;
  }
  if (list.size() == 0) return fail("no name to make up others under");
  list.has_random_label_ = true;
  return list;
}

Result<void> QuestionList::add_line(std::string_view line, const EdnsOptions& edns) {
  const std::string_view qname = take_word(line);
  const std::string_view type_text = take_word(line);
  const auto qtype = wire::type_from_text(type_text);
  if (!qtype) return fail("'" + std::string(type_text) + "': expected a name and a record type");
  if (const auto rest = take_word(line); !rest.empty()) {
    return fail("'" + std::string(rest) + "' after the record type: expected nothing");
  }
  const wire::Name name = TRY(wire::Name::from_text(qname));
  add(name.view(), *qtype, edns);
  return {};
}

void QuestionList::add(wire::NameView qname, uint16_t qtype, const EdnsOptions& edns) {
  std::array<uint8_t, question_bytes_max> buffer{};
  ByteWriter writer(buffer);
  writer.write_bytes(qname.bytes());
  writer.write_u16(qtype);
  writer.write_u16(class_in);
  if (edns.payload_bytes != 0) {
    writer.write_u8(0);
    writer.write_u16(type_opt);
    writer.write_u16(edns.payload_bytes);
    writer.write_u32(edns.dnssec_ok ? opt_dnssec_ok : 0);
    writer.write_u16(0);
    has_opt_ = true;
  }
  const Bytes written = writer.written();
  bytes_.insert(bytes_.end(), written.begin(), written.end());
  offsets_.push_back(bytes_.size());
  longest_bytes_ = std::max(longest_bytes_, written.size());
}

}  // namespace holdfast::drill
