/* What comes in on one connection: WebSocket frames (RFC 6455, section 5.2), and the events in them.
 *
 * An event is known by its stamp: a marker and, right behind it, the time at which it was due, as 18 decimal digits of
 * nanoseconds of CLOCK_MONOTONIC. Nothing else of a payload is read, whatever protocol is in it.
 */

#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

#define STAMP_DIGITS 18
#define MAX_MARKER 32
#define MAX_CARRY (MAX_MARKER + STAMP_DIGITS)
#define MAX_FRAME (1 << 20)
#define KNOWN_LENGTHS 4096

enum opcode { CONTINUATION = 0x0, TEXT = 0x1, BINARY = 0x2, CLOSE = 0x8, PING = 0x9, PONG = 0xA };

/* What the connections of one run count together. */
struct tally {
    const char *marker;
    size_t marker_size;
    uint64_t frames;
    uint64_t bytes;
    uint64_t events;
    uint64_t misordered; /* an event not newer than the one before it on its connection: doubled, or out of order */
    struct histogram latency;
    /* By the length of a payload, where its only stamp was the last time; 0 is unknown. Frames of one topic differ by
     * little, so most need no search. */
    uint32_t known[KNOWN_LENGTHS];
};

/* One connection's part. */
struct stream {
    uint64_t events;
    uint64_t last_stamp;
    uint64_t stamp_sum; /* modulo 2^64: with the count it tells lost ones that doubled ones make up for */
    uint8_t carry_size; /* the end of a payload that may be the beginning of a stamp */
    char carry[MAX_CARRY];
};

struct frame {
    uint8_t opcode;
    const uint8_t *payload;
    size_t size;
};

/* Take the first frame of `data`. Return the bytes that it took: 0 when it is not whole yet, -1 when it is no frame that
 * a server may send or is larger than MAX_FRAME. */
long frame_take(const uint8_t *data, size_t size, struct frame *frame);

/* Write a masked frame of a client; `room` must be the payload and 14 bytes. Return its size. The mask is zero, which
 * leaves the payload as it is. */
size_t frame_write(uint8_t *room, uint8_t opcode, const uint8_t *payload, size_t size);

/* Count the events of a payload that was read at `now`. */
void count_events(struct tally *tally, struct stream *stream, const uint8_t *payload, size_t size, uint64_t now);

#endif
