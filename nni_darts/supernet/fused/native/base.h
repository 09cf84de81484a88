/* Common to all kernels.
 *
 * An image is [height][width][channels]. REAL is float or double; the channels are a multiple of LANES.
 * Images fall into groups that run in parallel; sums over images are taken per group and then over the
 * groups in order, so that no result depends on the number of threads.
 */
#ifndef BASE_H
#define BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef REAL real;
typedef real vec __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL))));

#define VEC(p) (*(vec *)(p))
#define INLINE static inline __attribute__((always_inline))
#define TILE 8 /* pixels whose sums are held in registers */

typedef struct {
    int64_t batch, height, width, out_height, out_width, channels;
    int64_t border; /* zeros around a padded image: the largest padding of the members */
    int64_t sources, members, filter_size, groups, threads;
} shape;

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Memory of one thread, kept between calls. */
static _Thread_local real *memory;
static _Thread_local size_t capacity;

static inline real *workspace(size_t count) {
    if (count > capacity) {
        free(memory);
        memory = aligned_alloc(64, (count * sizeof(real) + 63) / 64 * 64);
        if (!memory) abort(); /* as PyTorch would, were it out of memory here */
        capacity = count;
    }
    return memory;
}

/* The sums of the first group += those of the others, [groups][count]. */
static inline void reduce(int64_t groups, int64_t count, real *sums) {
    for (int64_t group = 1; group < groups; group++)
        for (int64_t i = 0; i < count; i++) sums[i] += sums[group * count + i];
}

/* sums[t] += one row of `rows` per pixel t, times `matrix` [channels][channels], for LANES columns of it */
INLINE void multiply(int count, const real *rows, const real *matrix, int64_t channels, vec *sums) {
    for (int64_t c = 0; c < channels; c++) {
        vec column = VEC(matrix + c * channels);
        for (int t = 0; t < count; t++) sums[t] += rows[t * channels + c] * column;
    }
}

/* The same for up to TILE pixels. */
INLINE void multiply_tile(int64_t count, const real *rows, const real *matrix, int64_t channels, vec *sums) {
    if (count == TILE)
        multiply(TILE, rows, matrix, channels, sums);
    else
        multiply((int)count, rows, matrix, channels, sums);
}

/* sums [channels] += sum of a; products [channels][channels] += sum of a b^T, over the pixels */
static inline void accumulate(int64_t pixels, int64_t channels, const real *a, const real *b, real *sums,
                              real *products) {
    for (int64_t d = 0; d < channels; d += LANES) {
        vec total = {0};
        for (int64_t p = 0; p < pixels; p++) total += VEC(a + p * channels + d);
        VEC(sums + d) += total;
        for (int64_t c = 0; c < channels; c += LANES) {
            vec block[LANES] = {{0}};
            for (int64_t p = 0; p < pixels; p++) {
                const real *left = a + p * channels + d;
                vec right = VEC(b + p * channels + c);
                for (int r = 0; r < LANES; r++) block[r] += left[r] * right;
            }
            for (int r = 0; r < LANES; r++) VEC(products + (d + r) * channels + c) += block[r];
        }
    }
}

#endif
