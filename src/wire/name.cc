// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/name.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "wire/case_fold.h"

namespace holdfast::wire {

namespace {

int compare_labels(Bytes a, Bytes b) {
  const size_t shared = std::min(a.size(), b.size());
  for (size_t i = 0; i < shared; ++i) {
    const int difference = to_lower(a[i]) - to_lower(b[i]);
    if (difference != 0) return difference;
  }
  return static_cast<int>(a.size()) - static_cast<int>(b.size());
}

void append_escaped(std::string& text, uint8_t byte) {
  // A quote, too, is taken by all readers as a number only.
  if (byte <= ' ' || byte >= 0x7f || byte == '"') {
    text += '\\';
    text += static_cast<char>('0' + byte / 100);
    text += static_cast<char>('0' + byte / 10 % 10);
    text += static_cast<char>('0' + byte % 10);
    return;
  }
  if (std::string_view(".;\\()@$").contains(static_cast<char>(byte))) text += '\\';
  text += static_cast<char>(byte);
}

// One byte of a label, an escape included; moves `at` past it. Empty on a bad escape.
Result<uint8_t> read_text_byte(std::string_view text, size_t& at) {
  const auto byte = static_cast<uint8_t>(text[at++]);
  if (byte != '\\') return byte;
  if (at >= text.size()) return fail("name '" + std::string(text) + "' ends in a backslash");
  const auto is_digit = [&](size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  if (!is_digit(at)) return static_cast<uint8_t>(text[at++]);
  unsigned value = 256;
  if (is_digit(at + 1) && is_digit(at + 2)) {
    std::from_chars(text.data() + at, text.data() + at + 3, value);
  }
  if (value > 255) return fail("name '" + std::string(text) + "' has a bad \\DDD escape");
  at += 3;
  return static_cast<uint8_t>(value);
}

}  // namespace

size_t NameView::label_offsets(std::array<uint8_t, labels_max>& offsets) const {
  size_t count = 0;
  for (size_t at = 0; bytes_[at] != 0; at += 1U + bytes_[at]) {
    offsets[count++] = static_cast<uint8_t>(at);
  }
  return count;
}

size_t NameView::label_count() const {
  size_t count = 0;
  for (size_t at = 0; bytes_[at] != 0; at += 1U + bytes_[at]) ++count;
  return count;
}

NameView NameView::without_labels(size_t count) const {
  size_t at = 0;
  for (size_t i = 0; i < count && bytes_[at] != 0; ++i) at += 1U + bytes_[at];
  return NameView(bytes_.subspan(at));
}

NameView NameView::last_labels(size_t count) const {
  const size_t all = label_count();
  return without_labels(all > count ? all - count : 0);
}

bool NameView::is_at_or_below(NameView ancestor) const {
  if (ancestor.size() > size()) return false;
  const size_t skip = size() - ancestor.size();
  size_t at = 0;
  while (at < skip) at += 1U + bytes_[at];
  return at == skip && equal_folded(data() + at, ancestor.data(), ancestor.size());
}

std::string NameView::to_text() const {
  if (is_root()) return ".";
  std::string text;
  text.reserve(bytes_.size());
  for (size_t at = 0; bytes_[at] != 0; at += 1U + bytes_[at]) {
    for (const uint8_t byte : bytes_.subspan(at + 1, bytes_[at])) append_escaped(text, byte);
    text += '.';
  }
  return text;
}

bool operator==(NameView a, NameView b) {
  return a.size() == b.size() && equal_folded(a.data(), b.data(), a.size());
}

int compare_canonical(NameView a, NameView b) {
  std::array<uint8_t, labels_max> offsets_a;
  std::array<uint8_t, labels_max> offsets_b;
  size_t left_a = a.label_offsets(offsets_a);
  size_t left_b = b.label_offsets(offsets_b);
  while (left_a > 0 && left_b > 0) {
    const size_t at_a = offsets_a[--left_a];
    const size_t at_b = offsets_b[--left_b];
    const int difference = compare_labels(a.bytes().subspan(at_a + 1, a.bytes()[at_a]),
                                          b.bytes().subspan(at_b + 1, b.bytes()[at_b]));
    if (difference != 0) return difference;
  }
  return static_cast<int>(left_a) - static_cast<int>(left_b);
}

void Name::assign(NameView view) {
  CHECK(view.size() <= name_bytes_max);
  std::copy(view.bytes().begin(), view.bytes().end(), bytes_.begin());
  size_ = static_cast<uint8_t>(view.size());
}

bool Name::assign_joined(Bytes prefix, NameView suffix) {
  if (prefix.size() + suffix.size() > name_bytes_max) return false;
  std::array<uint8_t, name_bytes_max> joined;
  std::copy(prefix.begin(), prefix.end(), joined.begin());
  std::copy(suffix.bytes().begin(), suffix.bytes().end(),
            joined.begin() + static_cast<ptrdiff_t>(prefix.size()));
  size_ = static_cast<uint8_t>(prefix.size() + suffix.size());
  std::copy_n(joined.begin(), size_, bytes_.begin());
  return true;
}

bool Name::assign_wildcard_of(NameView parent) {
  static constexpr std::array<uint8_t, 2> asterisk{1, '*'};
  return assign_joined(asterisk, parent);
}

void Name::fold_case() {
  for (size_t i = 0; i < size_; ++i) bytes_[i] = to_lower(bytes_[i]);
}

Result<Name> Name::from_text(std::string_view text) {
  Name name;
  if (text == ".") return name;
  if (text.empty()) return fail("an empty name");
  size_t label_start = 0;
  size_t size = 1;  // of what is written, the open label's length byte included
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '.') {
      const size_t length = size - label_start - 1;
      if (length == 0) return fail("name '" + std::string(text) + "' has an empty label");
      name.bytes_[label_start] = static_cast<uint8_t>(length);
      label_start = size++;
      ++at;
    } else {
      const uint8_t byte = TRY(read_text_byte(text, at));
      if (size - label_start > label_bytes_max) {
        return fail("name '" + std::string(text) + "' has a label over 63 bytes");
      }
      if (size < name_bytes_max) name.bytes_[size] = byte;
      ++size;
    }
    if (size > name_bytes_max) return fail("name '" + std::string(text) + "' is over 255 bytes");
  }
  if (size - label_start > 1) {  // no final dot: close the label and add the root
    name.bytes_[label_start] = static_cast<uint8_t>(size - label_start - 1);
    label_start = size++;
    if (size > name_bytes_max) return fail("name '" + std::string(text) + "' is over 255 bytes");
  }
  name.bytes_[label_start] = 0;
  name.size_ = static_cast<uint8_t>(size);
  return name;
}

NameError read_name(Bytes message, size_t& position, Name& name) {
  std::array<uint8_t, name_bytes_max> bytes;
  size_t size = 0;
  size_t at = position;
  size_t lowest = position;  // every pointer must go below this
  bool jumped = false;
  while (true) {
    if (at >= message.size()) return NameError::truncated;
    const uint8_t length = message[at];
    if ((length & 0xC0) == 0xC0) {
      if (at + 1 >= message.size()) return NameError::truncated;
      const size_t target = load_be16(message.data() + at) & 0x3FFFU;
      if (target >= lowest) return NameError::pointer_not_backwards;
      if (!jumped) position = at + 2;
      jumped = true;
      lowest = target;
      at = target;
      continue;
    }
    if (length > label_bytes_max) return NameError::bad_label;
    if (size + 1U + length > name_bytes_max) return NameError::too_long;
    if (at + 1U + length > message.size()) return NameError::truncated;
    std::copy_n(message.begin() + static_cast<ptrdiff_t>(at), 1U + length,
                bytes.begin() + static_cast<ptrdiff_t>(size));
    size += 1U + length;
    at += 1U + length;
    if (length == 0) break;
  }
  if (!jumped) position = at;
  name.assign(NameView(Bytes(bytes.data(), size)));
  return NameError::none;
}

size_t uncompressed_name_size(Bytes bytes) {
  size_t at = 0;
  while (at < bytes.size() && at < name_bytes_max) {
    if (bytes[at] == 0) return at + 1;
    if (bytes[at] > label_bytes_max) return 0;
    at += 1U + bytes[at];
  }
  return 0;
}

}  // namespace holdfast::wire
