#define _GNU_SOURCE
#include "frames.h"

#include <string.h>

long frame_take(const uint8_t *data, size_t size, struct frame *frame) {
    size_t begin = 2;
    uint64_t length;
    if (size < 2) return 0;
    length = data[1];
    if (length == 126) {
        if (size < 4) return 0;
        length = (uint64_t)data[2] << 8 | data[3];
        begin = 4;
    } else if (length == 127) {
        if (size < 10) return 0;
        length = 0;
        for (int i = 2; i < 10; i++) length = length << 8 | data[i];
        begin = 10;
    } else if (length > 127) {
        return -1; /* masked */
    }
    if (length > MAX_FRAME) return -1;
    if (size < begin + length) return 0;
    frame->opcode = data[0] & 0x0F;
    frame->payload = data + begin;
    frame->size = length;
    return (long)(begin + length);
}

size_t frame_write(uint8_t *room, uint8_t opcode, const uint8_t *payload, size_t size) {
    size_t at = 0;
    room[at++] = 0x80 | opcode;
    if (size < 126) {
        room[at++] = (uint8_t)(0x80 | size);
    } else {
        room[at++] = 0x80 | 126;
        room[at++] = (uint8_t)(size >> 8);
        room[at++] = (uint8_t)size;
    }
    memset(room + at, 0, 4);
    memcpy(room + at + 4, payload, size);
    return at + 4 + size;
}

/* Return 0 where the digits are none. */
static uint64_t read_stamp(const uint8_t *digits) {
    uint64_t stamp = 0;
    for (int i = 0; i < STAMP_DIGITS; i++) {
        unsigned digit = digits[i] - '0';
        if (digit > 9) return 0;
        stamp = stamp * 10 + digit;
    }
    return stamp;
}

static void count_event(struct tally *tally, struct stream *stream, const uint8_t *digits, uint64_t now) {
    uint64_t stamp = read_stamp(digits);
    if (stamp == 0) return;
    tally->events++;
    stream->events++;
    if (stamp <= stream->last_stamp) tally->misordered++;
    stream->last_stamp = stamp;
    stream->stamp_sum += stamp;
    histogram_add(&tally->latency, now > stamp ? (now - stamp) / 1000 : 0);
}

/* Servers of byte streams cut their frames where they like: join what was left of the payload before. */
static void finish_carried(struct tally *tally, struct stream *stream, const uint8_t *payload, size_t size, uint64_t now) {
    uint8_t joined[2 * MAX_CARRY];
    size_t carried = stream->carry_size, wanted = tally->marker_size + STAMP_DIGITS;
    size_t more = size < wanted - 1 ? size : wanted - 1;
    memcpy(joined, stream->carry, carried);
    memcpy(joined + carried, payload, more);
    stream->carry_size = 0;
    const uint8_t *found = memmem(joined, carried + more, tally->marker, tally->marker_size);
    if (found && (size_t)(found - joined) < carried && found + wanted <= joined + carried + more)
        count_event(tally, stream, found + tally->marker_size, now);
}

/* Keep the end of a payload from where a stamp begins that it does not end, if any does. */
static void carry_end(struct tally *tally, struct stream *stream, const uint8_t *rest, size_t size) {
    size_t wanted = tally->marker_size + STAMP_DIGITS;
    size_t begin = size < wanted ? 0 : size - (wanted - 1);
    for (; begin < size; begin++) {
        size_t left = size - begin;
        size_t compared = left < tally->marker_size ? left : tally->marker_size;
        if (memcmp(rest + begin, tally->marker, compared) == 0) {
            memcpy(stream->carry, rest + begin, left);
            stream->carry_size = (uint8_t)left;
            return;
        }
    }
}

static void search_events(struct tally *tally, struct stream *stream, const uint8_t *payload, size_t size, uint64_t now) {
    const uint8_t *rest = payload, *end = payload + size;
    unsigned count = 0;
    size_t at = 0;
    if (stream->carry_size) finish_carried(tally, stream, payload, size, now);
    for (;;) {
        const uint8_t *found = memmem(rest, (size_t)(end - rest), tally->marker, tally->marker_size);
        if (!found || found + tally->marker_size + STAMP_DIGITS > end) break;
        at = (size_t)(found - payload) + tally->marker_size;
        count_event(tally, stream, payload + at, now);
        rest = payload + at + STAMP_DIGITS;
        count++;
    }
    carry_end(tally, stream, rest, (size_t)(end - rest));
    if (size < KNOWN_LENGTHS) tally->known[size] = count == 1 && !stream->carry_size ? (uint32_t)at : 0;
}

void count_events(struct tally *tally, struct stream *stream, const uint8_t *payload, size_t size, uint64_t now) {
    uint32_t at = size < KNOWN_LENGTHS ? tally->known[size] : 0;
    if (at && !stream->carry_size && memcmp(payload + at - tally->marker_size, tally->marker, tally->marker_size) == 0)
        count_event(tally, stream, payload + at, now);
    else
        search_events(tally, stream, payload, size, now);
}
