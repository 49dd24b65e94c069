// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/parent_teller.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "log/log.h"
#include "transfer/ask_records.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

using log::Category;
using transfer::Answered;

constexpr uint8_t scheme_notify = 1;
constexpr size_t dsync_head_bytes = 5;
constexpr std::string_view dsync_label = "\x06_dsync";

struct Target {
  wire::Name name;
  uint16_t port = 0;
};

// One notice on its way; each step starts the next.
class Telling : public std::enable_shared_from_this<Telling> {
 public:
  Telling(boost::asio::io_context& context, transfer::Notifier& notifier, ParentNotice notice,
          std::function<void()> done)
      : context_(context),
        notifier_(notifier),
        notice_(std::move(notice)),
        child_(wire::Name::from_text(notice_.zone).value()),
        done_(std::move(done)) {}

  void start() {
    if (child_.view().is_root()) return done_();  // it has no parent
    look(1);
  }

 private:
  // Asks the parents one after another until one answers.
  void ask(const wire::Name& name, uint16_t type, const std::function<void(const Answered&)>& use,
           size_t parent = 0) {
    if (parent == notice_.parents.size()) return give_up("none of its servers answers");
    const auto self = shared_from_this();
    transfer::ask_rrset(context_, notice_.parents[parent], name, type,
                        [self, name, type, use, parent](const Result<Answered>& answered) {
                          if (answered) return use(*answered);
                          self->ask(name, type, use, parent + 1);
                        });
  }

  // Behind so many labels of the child; none: the parent speaks for all its children.
  void look(size_t labels) {
    const auto name = dsync_name(child_, labels);
    if (!name) return done_();
    const auto self = shared_from_this();
    ask(*name, wire::type_dsync,
        [self, labels](const Answered& answered) { self->on_dsync(answered, labels); });
  }

  void on_dsync(const Answered& answered, size_t labels) {
    for (const auto& rdata : answered.records) take_target(rdata);
    if (!targets_.empty()) return find_address(0);
    // §4.1: the negative answer tells where the parent zone begins.
    const size_t depth = child_.view().label_count();
    const bool is_below = answered.soa_owner && child_.view().is_at_or_below(*answered.soa_owner);
    const size_t parent_depth = is_below ? answered.soa_owner->view().label_count() : depth - 1;
    const size_t between = depth - std::min(parent_depth, depth - 1);
    if (labels == 1 && between > 1) return look(between);
    if (labels != 0) return look_at_apex(is_below ? between : 1);
    done_();  // the parent wants to know nothing
  }
  void look_at_apex(size_t between) {
    const auto name = dsync_name(child_.view().without_labels(between), 0);
    if (!name) return done_();
    const auto self = shared_from_this();
    ask(*name, wire::type_dsync, [self](const Answered& answered) { self->on_dsync(answered, 0); });
  }

  void take_target(Bytes rdata) {
    if (rdata.size() <= dsync_head_bytes || targets_.size() == dsync_targets_max) return;
    if (load_be16(rdata.data()) != notice_.type || rdata[2] != scheme_notify) return;
    const wire::NameView name(rdata.subspan(dsync_head_bytes));
    targets_.push_back({wire::Name(name), load_be16(rdata.data() + 3)});
  }

  // Of target after target, IPv4 and IPv6.
  void find_address(size_t index) {
    if (index == targets_.size() * 2) return send();
    const Target& target = targets_[index / 2];
    const uint16_t type = index % 2 == 0 ? wire::type_a : wire::type_aaaa;
    const auto self = shared_from_this();
    ask(target.name, type, [self, index, port = target.port](const Answered& answered) {
      for (const auto& rdata : answered.records) self->take_address(rdata, port);
      self->find_address(index + 1);
    });
  }

  void take_address(Bytes rdata, uint16_t port) {
    Endpoint endpoint;
    if ((rdata.size() != 4 && rdata.size() != endpoint.address.size()) ||
        addresses_.size() == dsync_targets_max) {
      return;
    }
    std::ranges::copy(rdata, endpoint.address.begin());
    endpoint.address_size = static_cast<uint8_t>(rdata.size());
    endpoint.port = port;
    addresses_.push_back(endpoint);
  }

  void send() {
    if (addresses_.empty()) {
      return give_up("`parents` know no address of " + targets_.front().name.view().to_text());
    }
    const auto self = shared_from_this();
    for (const Endpoint& address : addresses_) {
      notifier_.notify_parent(child_, notice_.type, address, [self, address](bool acknowledged) {
        if (!acknowledged || std::exchange(self->is_told_, true)) return;
        log::info(Category::zones, "parent-told",
                  "the parent of zone " + self->notice_.zone + " was told at " + address.to_text() +
                      " that its " + wire::type_to_text(self->notice_.type) + " has changed");
        self->done_();
      });
    }
  }

  void give_up(const std::string& reason) {
    log::warning(Category::zones, "parent-untold",
                 "the parent of zone " + notice_.zone + " cannot be told of a change of " +
                     wire::type_to_text(notice_.type) + " yet: " + reason);
  }

  boost::asio::io_context& context_;
  transfer::Notifier& notifier_;
  const ParentNotice notice_;
  const wire::Name child_;
  std::function<void()> done_;
  std::vector<Target> targets_;
  std::vector<Endpoint> addresses_;
  bool is_told_ = false;
};

}  // namespace

std::optional<wire::Name> dsync_name(wire::NameView child, size_t labels) {
  const wire::NameView parent = child.without_labels(labels);
  const Bytes before = child.bytes().first(child.size() - parent.size());
  std::vector<uint8_t> prefix(before.begin(), before.end());
  prefix.insert(prefix.end(), dsync_label.begin(), dsync_label.end());
  wire::Name name;
  if (!name.assign_joined(prefix, parent)) return std::nullopt;
  return name;
}

void tell_parent(boost::asio::io_context& context, transfer::Notifier& notifier,
                 const ParentNotice& notice, std::function<void()> done) {
  std::make_shared<Telling>(context, notifier, notice, std::move(done))->start();
}

}  // namespace holdfast::control
