// SPDX-License-Identifier: GPL-3.0-or-later
// The questions of a load, encoded once: all of a DNS query behind its header.
//
// Bound: questions_max. Owner: one thread.
#pragma once

#include <string>
#include <vector>

#include "wire/name.h"

namespace holdfast::drill {

constexpr size_t questions_max = 1U << 22;  // 4 million, of some 64 bytes each in the kernel

struct EdnsOptions {
  uint16_t payload_bytes = 0;  // 0: no OPT record at all
  bool dnssec_ok = false;      // needs an OPT record
};

class QuestionList {
 public:
  // A file of lines "qname qtype", in the order of popularity if that matters.
  [[nodiscard]] static Result<QuestionList> read(const std::string& path, const EdnsOptions& edns);
  // From such lines; errors call them `origin`.
  [[nodiscard]] static Result<QuestionList> parse(std::string_view lines, const EdnsOptions& edns,
                                                  const std::string& origin);
  // One question, whose first label of random_label_bytes is made up anew each time it is asked.
  [[nodiscard]] static Result<QuestionList> random_under(std::string_view suffix, uint16_t qtype,
                                                         const EdnsOptions& edns);

  // The same under any of several suffixes, all alike often.
  [[nodiscard]] static Result<QuestionList> random_under_any(
      const std::vector<std::string>& suffixes, uint16_t qtype, const EdnsOptions& edns);

  [[nodiscard]] size_t size() const { return offsets_.size() - 1; }
  [[nodiscard]] Bytes at(size_t index) const {
    return Bytes(bytes_).subspan(offsets_[index], offsets_[index + 1] - offsets_[index]);
  }
  [[nodiscard]] size_t longest_bytes() const { return longest_bytes_; }
  [[nodiscard]] bool has_random_label() const { return has_random_label_; }
  [[nodiscard]] bool has_opt() const { return has_opt_; }

 private:
  QuestionList() = default;
  void add(wire::NameView qname, uint16_t qtype, const EdnsOptions& edns);
  [[nodiscard]] Result<void> add_line(std::string_view line, const EdnsOptions& edns);

  std::vector<uint8_t> bytes_;
  std::vector<size_t> offsets_{0};
  size_t longest_bytes_ = 0;
  bool has_random_label_ = false;
  bool has_opt_ = false;
};

}  // namespace holdfast::drill
