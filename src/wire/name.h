// SPDX-License-Identifier: GPL-3.0-or-later
// Domain names in wire form: labels with their lengths, the root label last, never compressed.
//
// A NameView refers to bytes that somebody else keeps; a Name holds its own 255 (RFC 1035 §3.1).
// Comparison ignores the case of ASCII letters (RFC 4343); the case itself is kept. Neither
// allocates. Bounds: 255 bytes, 127 labels and the root.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace holdfast::wire {

constexpr size_t name_bytes_max = 255;
constexpr size_t label_bytes_max = 63;
constexpr size_t labels_max = 127;  // without the root

[[nodiscard]] constexpr uint8_t to_lower(uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte | 0x20) : byte;
}

class NameView {
 public:
  // The root.
  constexpr NameView() : bytes_(root_) {}
  // `bytes` must be one well-formed name, as the parsers of this module check it.
  explicit NameView(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] Bytes bytes() const { return bytes_; }
  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] const uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] bool is_root() const { return bytes_.size() == 1; }
  [[nodiscard]] bool is_wildcard() const {
    return bytes_.size() > 2 && bytes_[0] == 1 && bytes_[1] == '*';
  }
  // Where each label begins, the first one first; returns how many.
  size_t label_offsets(std::array<uint8_t, labels_max>& offsets) const;
  // Labels without the root: 0 for the root itself.
  [[nodiscard]] size_t label_count() const;
  // The first label's bytes without its length; empty for the root.
  [[nodiscard]] Bytes first_label() const { return bytes_.subspan(1, bytes_[0]); }
  // The name without its first label. Not for the root.
  [[nodiscard]] NameView parent() const { return NameView(bytes_.subspan(1U + bytes_[0])); }
  // The name without its first `count` labels.
  [[nodiscard]] NameView without_labels(size_t count) const;
  // The last `count` labels.
  [[nodiscard]] NameView last_labels(size_t count) const;
  // True if this name is `ancestor` or lies below it.
  [[nodiscard]] bool is_at_or_below(NameView ancestor) const;

  // RFC 1035 §5.1 text with a final dot; special bytes as \. or \DDD.
  [[nodiscard]] std::string to_text() const;

 private:
  static constexpr std::array<uint8_t, 1> root_{0};

  Bytes bytes_;
};

[[nodiscard]] bool operator==(NameView a, NameView b);
// RFC 4034 §6.1 canonical order: negative, zero, positive.
[[nodiscard]] int compare_canonical(NameView a, NameView b);

class Name {
 public:
  // The root.
  Name() = default;
  explicit Name(NameView view) { assign(view); }

  void assign(NameView view);
  [[nodiscard]] NameView view() const { return NameView(Bytes(bytes_.data(), size_)); }
  operator NameView() const { return view(); }  // NOLINT(google-explicit-constructor)

  // Puts the labels in `prefix` (no root label, whole labels) before `suffix`; false if too long.
  [[nodiscard]] bool assign_joined(Bytes prefix, NameView suffix);
  // Folds ASCII letters to lower case.
  void fold_case();

  // From text with or without a final dot, always taken as absolute. Errors name the text.
  [[nodiscard]] static Result<Name> from_text(std::string_view text);
  // "*." before `parent`; false if too long.
  [[nodiscard]] bool assign_wildcard_of(NameView parent);

 private:
  std::array<uint8_t, name_bytes_max> bytes_{};
  uint8_t size_ = 1;
};

// Why a name in a packet cannot be read.
enum class NameError : uint8_t { none, truncated, bad_label, pointer_not_backwards, too_long };

// Reads a possibly compressed name at `position` of `message` and moves `position` past it.
// Pointers must go strictly backwards (RFC 1035 §4.1.4: "a prior occurrence").
[[nodiscard]] NameError read_name(Bytes message, size_t& position, Name& name);

// The length of the well-formed uncompressed name at the start of `bytes`, or 0.
[[nodiscard]] size_t uncompressed_name_size(Bytes bytes);

}  // namespace holdfast::wire
