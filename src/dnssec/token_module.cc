// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/token_module.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace holdfast::dnssec {

namespace {

constexpr size_t pin_bytes_max = 4096;

std::string text_of(CK_RV value) {
  switch (value) {
    case CKR_HOST_MEMORY:
      return "out of memory";
    case CKR_SLOT_ID_INVALID:
      return "there is no such slot";
    case CKR_GENERAL_ERROR:
      return "general error";
    case CKR_FUNCTION_FAILED:
      return "it failed";
    case CKR_DEVICE_ERROR:
      return "the device has an error";
    case CKR_DEVICE_MEMORY:
      return "the device is full";
    case CKR_DEVICE_REMOVED:
      return "the device was taken away";
    case CKR_KEY_TYPE_INCONSISTENT:
      return "the key is of another kind";
    case CKR_MECHANISM_INVALID:
      return "the token does not know this algorithm";
    case CKR_PIN_INCORRECT:
      return "the PIN is wrong";
    case CKR_PIN_LOCKED:
      return "the token is locked after too many wrong PINs";
    case CKR_SESSION_COUNT:
      return "too many sessions";
    case CKR_TOKEN_NOT_PRESENT:
      return "the token is not there";
    case CKR_TOKEN_NOT_RECOGNIZED:
      return "the token is not recognised";
    case CKR_TOKEN_WRITE_PROTECTED:
      return "the token is write-protected";
    case CKR_USER_NOT_LOGGED_IN:
      return "it needs a PIN (pin-source=file:PATH)";
    default:
      return "error " + std::to_string(value);
  }
}

}  // namespace

// Set up; finished when the last session and the registry have left it.
class TokenModule {
 public:
  [[nodiscard]] static Result<std::shared_ptr<TokenModule>> set_up(const std::string& path);
  explicit TokenModule(CK_FUNCTION_LIST& calls) : calls_(calls) {}
  TokenModule(const TokenModule&) = delete;
  TokenModule& operator=(const TokenModule&) = delete;
  ~TokenModule() { calls_.C_Finalize(nullptr); }

  [[nodiscard]] CK_FUNCTION_LIST& calls() const { return calls_; }
  [[nodiscard]] Result<CK_SLOT_ID> find_slot(const std::string& token) const;
  // Once for all sessions; one that stays open keeps it so.
  [[nodiscard]] Result<void> log_in(const TokenUri& uri, CK_SLOT_ID slot);

  std::atomic<bool> is_doubtful{false};

 private:
  CK_FUNCTION_LIST& calls_;
  std::mutex mutex_;
  std::map<CK_SLOT_ID, CK_SESSION_HANDLE> logged_in_;
};

namespace {

// Never freed: libraries have ends of their own.
struct Registry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<TokenModule>> modules;
  std::map<std::string, std::shared_ptr<TokenModule>> kept;
  std::map<std::string, size_t> refused_pins;  // by token: a digest
};
Registry& registry() {
  static Registry* only = new Registry;
  return *only;
}

Result<std::shared_ptr<TokenModule>> module_at(const std::string& path) {
  Registry& known = registry();
  const std::scoped_lock lock(known.mutex);
  if (const auto kept = known.kept.find(path); kept != known.kept.end()) {
    if (!kept->second->is_doubtful) return kept->second;
    known.kept.erase(kept);
  }
  // Other threads may be in it still; a library cannot be set up twice.
  if (!known.modules[path].expired()) {
    return fail(path + ": it is given up after an error, and will be tried again");
  }
  auto module = TRY(TokenModule::set_up(path));
  known.modules[path] = module;
  known.kept[path] = module;
  return module;
}

Result<std::string> read_pin(const std::string& path) {
  std::string pin = TRY(read_file(path, pin_bytes_max));
  while (!pin.empty() && (pin.back() == '\n' || pin.back() == '\r')) pin.pop_back();
  if (pin.empty()) return fail(path + ": is empty; expected the PIN of the token");
  return pin;
}

std::string label_of(const CK_TOKEN_INFO& info) {
  const std::string_view label(reinterpret_cast<const char*>(info.label), sizeof info.label);
  return std::string(label.substr(0, label.find_last_not_of(' ') + 1));
}

}  // namespace

Result<std::shared_ptr<TokenModule>> TokenModule::set_up(const std::string& path) {
  // It stays loaded: not every library can be taken out again.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(std::string("the token's library: ") + ::dlerror());
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* calls = nullptr;
  if (get == nullptr || get(&calls) != CKR_OK || calls == nullptr) {
    return fail(path + ": is no PKCS#11 library");
  }
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  if (const CK_RV value = calls->C_Initialize(&arguments); value != CKR_OK) {
    return fail(path + ": cannot be set up: " + text_of(value));
  }
  return std::make_shared<TokenModule>(*calls);
}

Result<CK_SLOT_ID> TokenModule::find_slot(const std::string& token) const {
  CK_ULONG count = 0;
  CK_RV value = calls_.C_GetSlotList(CK_TRUE, nullptr, &count);
  std::vector<CK_SLOT_ID> slots(count);
  if (value == CKR_OK) value = calls_.C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (value != CKR_OK) return fail("tokens cannot be listed: " + text_of(value));
  slots.resize(std::min<size_t>(count, slots.size()));
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info{};
    if (calls_.C_GetTokenInfo(slot, &info) == CKR_OK && label_of(info) == token) return slot;
  }
  return fail("token \"" + token + "\" is not there");
}

Result<void> TokenModule::log_in(const TokenUri& uri, CK_SLOT_ID slot) {
  const std::scoped_lock lock(mutex_);
  if (uri.pin_file.empty() || logged_in_.contains(slot)) return {};
  std::string pin = TRY(read_pin(uri.pin_file));
  const size_t digest = std::hash<std::string>()(pin);
  const std::string token = uri.module + ":" + uri.token;
  {
    const std::scoped_lock known(registry().mutex);
    const auto refused = registry().refused_pins.find(token);
    if (refused != registry().refused_pins.end() && refused->second == digest) {
      return fail("token \"" + uri.token + "\" has refused the PIN in " + uri.pin_file +
                  "; another one is waited for");
    }
  }
  CK_SESSION_HANDLE session = 0;
  CK_RV value = calls_.C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
  if (value == CKR_OK) {
    value = calls_.C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(pin.data()),
                           static_cast<CK_ULONG>(pin.size()));
    if (value == CKR_USER_ALREADY_LOGGED_IN) value = CKR_OK;
    if (value != CKR_OK) calls_.C_CloseSession(session);
  }
  ::explicit_bzero(pin.data(), pin.size());
  if (value == CKR_PIN_INCORRECT) {
    const std::scoped_lock known(registry().mutex);
    registry().refused_pins[token] = digest;
  }
  if (value != CKR_OK) {
    return fail("token \"" + uri.token + "\" cannot be logged in to: " + text_of(value));
  }
  logged_in_.emplace(slot, session);
  return {};
}

Result<TokenSession> TokenSession::open(const TokenUri& uri, Access access) {
  auto module = TRY(module_at(uri.module));
  auto slot = module->find_slot(uri.token);
  if (!slot) {
    module->is_doubtful = true;  // many libraries look for tokens only as they are set up
    return std::unexpected(slot.error());
  }
  if (auto logged_in = module->log_in(uri, *slot); !logged_in) {
    module->is_doubtful = true;
    return std::unexpected(logged_in.error());
  }
  const CK_FLAGS flags =
      CKF_SERIAL_SESSION | (access == Access::write ? CKF_RW_SESSION : CK_FLAGS{0});
  CK_SESSION_HANDLE handle = 0;
  const CK_RV value = module->calls().C_OpenSession(*slot, flags, nullptr, nullptr, &handle);
  if (value != CKR_OK) {
    module->is_doubtful = true;
    return fail("token \"" + uri.token + "\": no session: " + text_of(value));
  }
  return TokenSession(std::move(module), handle);
}

TokenSession::~TokenSession() {
  if (module_) module_->calls().C_CloseSession(handle_);
}

CK_FUNCTION_LIST& TokenSession::calls() const { return module_->calls(); }

std::unexpected<Error> TokenSession::failed(const std::string& what, CK_RV value) const {
  module_->is_doubtful = true;
  return fail(what + ": " + text_of(value));
}

}  // namespace holdfast::dnssec
