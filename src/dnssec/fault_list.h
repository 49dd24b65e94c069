// SPDX-License-Identifier: GPL-3.0-or-later
// Collects what is wrong with a signed zone, up to a bound. One thread.
#pragma once

#include <string>
#include <vector>

#include "wire/name.h"
#include "wire/types.h"

namespace holdfast::dnssec {

class FaultList {
 public:
  explicit FaultList(size_t faults_max) : faults_max_(faults_max) {}

  // "owner TYPE: message"; "owner: message" for type 0.
  void add(wire::NameView owner, uint16_t type, const std::string& message) {
    if (texts_.size() >= faults_max_) {
      ++suppressed_;
      return;
    }
    texts_.push_back(owner.to_text() + (type == 0 ? "" : " " + wire::type_to_text(type)) + ": " +
                     message);
  }
  void append(const FaultList& other) {
    suppressed_ += other.suppressed_;
    for (const std::string& text : other.texts_) {
      if (texts_.size() < faults_max_) {
        texts_.push_back(text);
      } else {
        ++suppressed_;
      }
    }
  }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }
  [[nodiscard]] size_t suppressed() const { return suppressed_; }

 private:
  size_t faults_max_;
  size_t suppressed_ = 0;
  std::vector<std::string> texts_;
};

}  // namespace holdfast::dnssec
