// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/chaos.h"

namespace holdfast::answer {

namespace {

// Two labels and the root, in lower case.
constexpr std::string_view version_bind{"\7version\4bind\0", 14};
constexpr std::string_view version_server{"\7version\6server\0", 16};
constexpr std::string_view hostname_bind{"\10hostname\4bind\0", 15};
constexpr std::string_view id_server{"\2id\6server\0", 11};

bool is_named(wire::NameView name, std::string_view wire_form) {
  if (name.size() != wire_form.size()) return false;
  for (size_t i = 0; i < wire_form.size(); ++i) {
    if (wire::to_lower(name.data()[i]) != static_cast<uint8_t>(wire_form[i])) return false;
  }
  return true;
}

std::string_view text_of(wire::NameView name, const exchange::AnswerPolicy& policy) {
  if (is_named(name, version_bind) || is_named(name, version_server)) {
    return policy.version_bind.view();
  }
  if (is_named(name, hostname_bind) || is_named(name, id_server)) {
    return policy.hostname_bind.view();
  }
  return {};
}

void add_text(Draft& draft, wire::NameView owner, std::string_view text) {
  std::array<uint8_t, 12 + 1 + 255> record;
  ByteWriter writer(record);
  writer.write_u16(0xC00C);
  writer.write_u16(wire::type_txt);
  writer.write_u16(wire::class_ch);
  writer.write_u32(0);
  writer.write_u16(static_cast<uint16_t>(1 + text.size()));
  writer.write_u8(static_cast<uint8_t>(text.size()));
  for (const char character : text) writer.write_u8(static_cast<uint8_t>(character));
  draft.require(wire::Section::answer, owner, single_record(wire::type_txt, 0, writer.written()));
}

}  // namespace

void answer_chaos(Draft& draft, const Question& question, const exchange::AnswerPolicy& policy) {
  draft.kind = Kind::chaos;
  const std::string_view text = text_of(question.name, policy);
  if (text.empty()) {
    draft.rcode = wire::rcode_refused;
    draft.extended_error = wire::ede_prohibited;
    return;
  }
  draft.authoritative = true;
  if (question.type != wire::type_txt && question.type != wire::type_any) return;
  add_text(draft, question.name, text);
}

}  // namespace holdfast::answer
