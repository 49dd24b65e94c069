// SPDX-License-Identifier: GPL-3.0-or-later
// What the generator's program in the kernel and its user share: the plan, the state, the maps'
// entries. Compiled as C for the kernel and as C++; sizes are asserted on both sides.
//
// The plan is fixed once the program is loaded, so the verifier drops what it does not need. The
// state is written by the program, except for the fields that say otherwise; only one processor
// runs it.
#pragma once

#ifdef __cplusplus
#include <cstdint>
#else
#include <linux/types.h>
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
#define static_assert _Static_assert
#endif

#ifdef __cplusplus
namespace holdfast::drill {
#endif

enum {
  question_bytes_max = 280, /* 255 of name, 4 of type and class, 11 of OPT, to the next eighth */
  frame_bytes_max = 14 + 40 + 8 + 12 + question_bytes_max,
  random_label_bytes = 12, /* as Mirai's */
  stamp_count = 65536,     /* one a message id */
  label_count = 8,
  label_shift = 13,   /* a source port's upper three bits are its label */
  label_none = 0,     /* not used: low ports */
  label_measured = 6, /* questions whose time is taken */
  label_sockets = 7,  /* for sockets; what comes back to them is passed on */
  ports_per_label = 1 << label_shift
};

enum { mixed_generators_max = 8 };

/* What the frames are, beyond whole questions; these only over IPv4. */
enum FrameKind { /* NOLINT(performance-enum-size): C before C23 knows no other */
                 frame_question,
                 frame_fragment, /* first and later parts of datagrams that never become whole */
                 frame_malformed /* each wrong in one of eight ways */
};

struct GeneratorPlan {
  uint32_t out_index;      /* the veth, in the load's namespace */
  uint32_t source_count;   /* entries of `sources` */
  uint32_t question_count; /* entries of `questions` */
  uint32_t question_words; /* of eight bytes each, that hold the longest question */
  uint32_t draw_count;     /* entries of `draws`, a power of two; 0: every question alike often */
  uint16_t first_port;     /* of the 8,192 of the label */
  uint16_t server_port;
  uint8_t server_address[16]; /* IPv4 in the first four bytes */
  uint32_t server_sum;        /* its share of a checksum */
  uint8_t server_mac[6];
  uint8_t load_mac[6];
  uint8_t random_label; /* 1: the first label of each question is made up */
  uint8_t opt_records;  /* 0 or 1: the header's last count */
  uint8_t frame_kind;   /* enum FrameKind */
  uint8_t random_bits;  /* of the only IPv4 source that are made up for each frame; 0: none */
  uint8_t mixed_case;   /* 1: letters of the random label are of either case */
  uint8_t reserved;
  uint16_t dns_flags; /* of each message's header */
};

struct MixerPlan {
  uint32_t generators; /* entries of the mixer's map that are set */
};

struct MixerState {
  uint32_t turn; /* of the generator that had the last frame */
};

struct GeneratorState {
  uint64_t start_ns;        /* written by the user, as are the next seven; CLOCK_MONOTONIC */
  uint64_t end_ns;          /* nothing is sent from then on */
  uint64_t rate_per_s;      /* 0: as fast as it goes */
  uint64_t backlog_max;     /* questions further behind than this are left out, not hurried */
  uint64_t hurry_gap_ns;    /* between questions while some are behind; 0: none */
  uint64_t hurry_burst_ns;  /* by so much they may be closer together for once */
  uint64_t measured_one_in; /* 0: none */
  uint64_t random;          /* seed, then the generator's state */
  uint64_t due;             /* questions that should have left since the start, sent or missed */
  uint64_t sent;
  uint64_t missed;
  uint64_t sent_bytes; /* of frames */
  uint64_t measured;
  uint64_t until_measured;
  uint64_t hurry_ns; /* up to here the hurried questions have had their time */
};

struct GeneratorSource {
  uint8_t address[16];
  uint32_t sum; /* the address's share of a checksum */
  uint8_t hop_limit;
  uint8_t reserved[3];
};

struct GeneratorQuestion { /* bytes follow: name, type, class, and OPT if there is one */
  uint16_t bytes;
  uint16_t reserved;
  uint32_t sum;
};

static_assert(sizeof(struct GeneratorPlan) == 64, "shared with the kernel's side");
static_assert(sizeof(struct GeneratorState) == 120, "shared with the kernel's side");
static_assert(sizeof(struct GeneratorSource) == 24, "shared with the kernel's side");
static_assert(sizeof(struct GeneratorQuestion) == 8, "shared with the kernel's side");

#ifdef __cplusplus
}  // namespace holdfast::drill
#endif
