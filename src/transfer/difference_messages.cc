// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/difference_messages.h"

#include "transfer/packer.h"
#include "transfer/zone_records.h"

namespace holdfast::transfer {

namespace {

class Messages final : public MessageSource {
 public:
  [[nodiscard]] size_t message_count() const override { return messages_.size(); }
  [[nodiscard]] Result<std::vector<uint8_t>> read(size_t message) const override {
    return messages_[message];
  }
  [[nodiscard]] uint64_t records() const override { return records_; }

  Result<void> fill(const zone::ZoneView& zone, const std::vector<Difference>& differences) {
    Packer packer(zone.apex(), wire::type_ixfr, [this](Bytes message) {
      messages_.emplace_back(message.begin(), message.end());
      return Result<void>();
    });
    Result<void> result;
    const auto add = [&](const ZoneRecord& record) {
      if (result) result = packer.add(record.owner, record.type, record.ttl, record.rdata);
    };
    for_each_soa(zone, add);
    for (const Difference& difference : differences) {
      difference.removed.for_each(add);
      difference.added.for_each(add);
    }
    if (!differences.empty()) for_each_soa(zone, add);
    TRY(std::move(result));
    TRY(packer.finish());
    records_ = packer.record_count();
    return {};
  }

 private:
  std::vector<std::vector<uint8_t>> messages_;
  uint64_t records_ = 0;
};

}  // namespace

std::shared_ptr<const MessageSource> current_soa(const zone::ZoneView& zone) {
  auto messages = std::make_shared<Messages>();
  CHECK(messages->fill(zone, {}).has_value());
  return messages;
}

std::shared_ptr<const MessageSource> difference_messages(
    const zone::ZoneView& zone, const std::vector<Difference>& differences) {
  auto messages = std::make_shared<Messages>();
  if (differences.empty() || !messages->fill(zone, differences)) return nullptr;
  return messages;
}

}  // namespace holdfast::transfer
