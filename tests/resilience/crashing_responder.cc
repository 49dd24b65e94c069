// SPDX-License-Identifier: GPL-3.0-or-later
// Stands before answer::Responder::respond in the program that the resilience tests use: a question
// whose first label begins with "crash" is answered by a fault, one with "hang" never.
#include <cstring>

#include "answer/responder.h"

namespace holdfast::answer {

// A member function is called like a free one that has the object as its first parameter.
Outcome real_respond(Responder* self, Bytes packet, wire::QueryError parsed,
                     const wire::Query& query, const zone::NameSearch* ahead,
                     const exchange::Client& client, uint32_t now_s,
                     MutableBytes out) asm("__real_" HOLDFAST_RESPOND_SYMBOL);
Outcome wrapped_respond(Responder* self, Bytes packet, wire::QueryError parsed,
                        const wire::Query& query, const zone::NameSearch* ahead,
                        const exchange::Client& client, uint32_t now_s,
                        MutableBytes out) asm("__wrap_" HOLDFAST_RESPOND_SYMBOL);

namespace {

bool first_label_begins_with(const wire::Query& query, const char* text) {
  const Bytes name = query.qname.bytes();
  const size_t size = std::strlen(text);
  return name.size() > size && std::memcmp(name.data() + 1, text, size) == 0;
}

[[gnu::noinline]] void crash() { asm volatile("ud2"); }

}  // namespace

Outcome wrapped_respond(Responder* self, Bytes packet, wire::QueryError parsed,
                        const wire::Query& query, const zone::NameSearch* ahead,
                        const exchange::Client& client, uint32_t now_s, MutableBytes out) {
  if (query.has_question) {
    if (first_label_begins_with(query, "crash")) crash();
    while (first_label_begins_with(query, "hang")) asm volatile("");
  }
  return real_respond(self, packet, parsed, query, ahead, client, now_s, out);
}

}  // namespace holdfast::answer
