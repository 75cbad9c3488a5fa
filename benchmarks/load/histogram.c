#include "histogram.h"

static uint64_t upper_end(unsigned index) {
    unsigned octave = index / HISTOGRAM_SUB;
    if (octave == 0) return index;
    return ((uint64_t)(HISTOGRAM_SUB + index % HISTOGRAM_SUB + 1) << (octave - 1)) - 1;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->total + 0.5);
    uint64_t seen = 0;
    if (histogram->total == 0) return 0;
    for (unsigned index = 0; index < HISTOGRAM_BUCKETS; index++) {
        seen += histogram->buckets[index];
        if (seen >= wanted && seen > 0) {
            uint64_t end = upper_end(index);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}
