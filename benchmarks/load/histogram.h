/* Latencies in buckets whose width grows with them: 64 buckets an octave, so a value is known to 1.6 %. */

#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB 64
#define HISTOGRAM_BUCKETS (HISTOGRAM_SUB * 36)

struct histogram {
    uint64_t total;
    uint64_t max;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

/* Add a value, in microseconds. */
static inline void histogram_add(struct histogram *histogram, uint64_t value) {
    unsigned index;
    if (value < HISTOGRAM_SUB) {
        index = (unsigned)value;
    } else {
        /* The value's highest bit chooses the octave, the six bits below it the bucket. */
        unsigned shift = 63 - (unsigned)__builtin_clzll(value) - 6;
        index = (shift + 1) * HISTOGRAM_SUB + (unsigned)(value >> shift) - HISTOGRAM_SUB;
    }
    if (index >= HISTOGRAM_BUCKETS) index = HISTOGRAM_BUCKETS - 1;
    histogram->buckets[index]++;
    histogram->total++;
    if (value > histogram->max) histogram->max = value;
}

/* The value that this share of all values does not exceed, in microseconds; 0 when there is none. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);

#endif
