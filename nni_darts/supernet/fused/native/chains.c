/* Depthwise convolutions, the linear maps between them and their gradients, for many small images.
 *
 * An image is [height][width][channels]. Compiled with REAL (float or double) and LANES (the channels are a
 * multiple of it). All members of a call share the channels and both sizes. Images fall into groups, and
 * sums over images are left per group: groups run in parallel, yet no result depends on the threads.
 */
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

typedef struct {
    int64_t source, kernel, stride, dilation, padding, filter; /* filter: where it begins in the flat ones */
} member;

/* ---- memory of one thread: two padded images and one plain one, kept between calls ---- */

static _Thread_local real *memory;
static _Thread_local size_t capacity;

static real *workspace(size_t count) {
    if (count > capacity) {
        free(memory);
        memory = aligned_alloc(64, (count * sizeof(real) + 63) / 64 * 64);
        capacity = memory ? count : 0;
    }
    return memory;
}

INLINE int64_t padded_width(const shape *s) { return s->width + 2 * s->border; }
INLINE int64_t padded_size(const shape *s) {
    return (s->height + 2 * s->border) * padded_width(s) * s->channels;
}

/* ---- pieces ---- */

/* sums[t] += one row of `rows` per pixel t, times `matrix` [channels][channels], for LANES columns of it */
INLINE void multiply(int count, const real *rows, const real *matrix, int64_t channels, vec *sums) {
    for (int64_t c = 0; c < channels; c++) {
        vec column = VEC(matrix + c * channels);
        for (int t = 0; t < count; t++) sums[t] += rows[t * channels + c] * column;
    }
}

INLINE void convolve_tile(int count, const real *image, int64_t line, const real *filter, const member *m,
                          int64_t step, int64_t channels, real *out, int add) {
    vec sums[TILE];
    for (int t = 0; t < count; t++) sums[t] = add ? VEC(out + t * channels) : (vec){0};
    for (int64_t i = 0; i < m->kernel; i++)
        for (int64_t j = 0; j < m->kernel; j++) {
            const real *at = image + m->dilation * (i * line + j * channels);
            vec weight = VEC(filter + (i * m->kernel + j) * channels);
            for (int t = 0; t < count; t++) sums[t] += weight * VEC(at + t * step * channels);
        }
    for (int t = 0; t < count; t++) VEC(out + t * channels) = sums[t];
}

/* out [height][width] (+)= depthwise convolution of a padded image */
static void convolve(const shape *s, const member *m, const real *padded, const real *filter, int64_t step,
                     int64_t height, int64_t width, real *out, int add) {
    const int64_t channels = s->channels, line = padded_width(s) * channels;
    const int64_t skip = s->border - m->padding;
    for (int64_t h = 0; h < height; h++) {
        const real *row = padded + (h * step + skip) * line + skip * channels;
        for (int64_t c = 0; c < channels; c += LANES) {
            int64_t w = 0;
            for (; w + TILE <= width; w += TILE)
                convolve_tile(TILE, row + w * step * channels + c, line, filter + c, m, step, channels,
                              out + (h * width + w) * channels + c, add);
            for (; w + 4 <= width; w += 4)
                convolve_tile(4, row + w * step * channels + c, line, filter + c, m, step, channels,
                              out + (h * width + w) * channels + c, add);
            for (; w < width; w++)
                convolve_tile(1, row + w * step * channels + c, line, filter + c, m, step, channels,
                              out + (h * width + w) * channels + c, add);
        }
    }
}

/* sums [channels] += sum of a; products [channels][channels] += sum of a b^T, over the pixels */
static void accumulate(int64_t pixels, int64_t channels, const real *a, const real *b, real *sums,
                       real *products) {
    for (int64_t d = 0; d < channels; d += LANES) {
        vec total = {0};
        for (int64_t p = 0; p < pixels; p++) total += VEC(a + p * channels + d);
        VEC(sums + d) += total;
    }
    for (int64_t d = 0; d < channels; d += LANES)
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

INLINE void clip(int64_t count, const real *from, real *to) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i] < 0 ? 0 : from[i]; /* NaN stays NaN */
}

/* padded = relu(image), or relu(map image + shift) with the map given as [in][out]; zeros around */
static void rectify(const shape *s, const real *image, const real *map, const real *shift, real *padded) {
    const int64_t channels = s->channels, line = padded_width(s) * channels;
    memset(padded, 0, padded_size(s) * sizeof(real));
    for (int64_t h = 0; h < s->height; h++) {
        const real *from = image + h * s->width * channels;
        real *to = padded + (h + s->border) * line + s->border * channels;
        if (!map) {
            clip(s->width * channels, from, to);
            continue;
        }
        for (int64_t c = 0; c < channels; c += LANES)
            for (int64_t w = 0; w < s->width; w += TILE) {
                const int count = s->width - w < TILE ? (int)(s->width - w) : TILE;
                vec sums[TILE];
                for (int t = 0; t < TILE; t++) sums[t] = VEC(shift + c);
                if (count == TILE)
                    multiply(TILE, from + w * channels, map + c, channels, sums);
                else
                    multiply(count, from + w * channels, map + c, channels, sums);
                for (int t = 0; t < count; t++) VEC(to + (w + t) * channels + c) = sums[t];
            }
        clip(s->width * channels, to, to);
    }
}

/* Filter [channels][k][k] -> [k][k][channels], turned by half a circle if asked. */
static void arrange(const member *m, int64_t channels, const real *filter, int turned, real *out) {
    const int64_t taps = m->kernel * m->kernel;
    for (int64_t t = 0; t < taps; t++)
        for (int64_t c = 0; c < channels; c++)
            out[(turned ? taps - 1 - t : t) * channels + c] = filter[c * taps + t];
}

/* ---- what Python calls ---- */

/* z [members][batch][out_height][out_width][channels]; moments [groups][members][channels * (1 + channels)]:
 * per member the sums of z and of z z^T, or null. maps [sources][in][out] and shifts, or null. */
void forward(const shape *s, const member *members, const real *const *inputs, const real *maps,
             const real *shifts, const real *filters, real *z, real *moments) {
    const int64_t channels = s->channels, square = channels * channels;
    const int64_t size = s->height * s->width * channels;
    const int64_t out_pixels = s->out_height * s->out_width;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++) {
        real *padded = workspace(padded_size(s) + s->filter_size);
        real *filter = padded + padded_size(s);
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t source = 0; source < s->sources; source++) {
                rectify(s, inputs[source] + image * size, maps ? maps + source * square : NULL,
                        maps ? shifts + source * channels : NULL, padded);
                for (int64_t k = 0; k < s->members; k++) {
                    const member *m = members + k;
                    if (m->source != source) continue;
                    real *out = z + (k * s->batch + image) * out_pixels * channels;
                    arrange(m, channels, filters + m->filter, 0, filter);
                    convolve(s, m, padded, filter, m->stride, s->out_height, s->out_width, out, 0);
                    if (moments) {
                        real *own = moments + (group * s->members + k) * (channels + square);
                        accumulate(out_pixels, channels, out, out, own, own + channels);
                    }
                }
            }
    }
}

/* outputs[e] [batch][pixels][channels] = shifts[e] + sum of maps[k] z[k] over the k with targets[k] = e */
void combine(const shape *s, int64_t outs, const int64_t *targets, const real *const *z, const real *maps,
             const real *shifts, real *const *outputs) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t e = 0; e < outs; e++)
                for (int64_t c = 0; c < channels; c += LANES)
                    for (int64_t p = 0; p < pixels; p += TILE) {
                        const int64_t at = (image * pixels + p) * channels;
                        const int count = pixels - p < TILE ? (int)(pixels - p) : TILE;
                        vec sums[TILE];
                        for (int t = 0; t < TILE; t++) sums[t] = VEC(shifts + e * channels + c);
                        for (int64_t k = 0; k < s->members; k++) {
                            if (targets[k] != e) continue;
                            const real *map = maps + k * channels * channels + c;
                            if (count == TILE)
                                multiply(TILE, z[k] + at, map, channels, sums);
                            else
                                multiply(count, z[k] + at, map, channels, sums);
                        }
                        for (int t = 0; t < count; t++)
                            VEC(outputs[e] + at + t * channels + c) = sums[t];
                    }
}

/* sums [groups][members][channels * (1 + channels)] of g and of g z^T, g being gradients[k] */
void outer(const shape *s, const real *const *gradients, const real *const *z, real *sums) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t k = 0; k < s->members; k++) {
                real *own = sums + (group * s->members + k) * channels * (1 + channels);
                const int64_t at = image * pixels * channels;
                accumulate(pixels, channels, gradients[k] + at, z[k] + at, own, own + channels);
            }
}

/* spread, at the places that the convolution read for its centre = back^T g + shift + scatter z */
static void gradient_of_z(const shape *s, const member *m, const real *g, const real *back, const real *z,
                          const real *shift, const real *scatter, real *spread) {
    const int64_t channels = s->channels, line = padded_width(s) * channels;
    memset(spread, 0, padded_size(s) * sizeof(real));
    for (int64_t h = 0; h < s->out_height; h++)
        for (int64_t c = 0; c < channels; c += LANES)
            for (int64_t w = 0; w < s->out_width; w += TILE) {
                const int64_t at = (h * s->out_width + w) * channels;
                const int count = s->out_width - w < TILE ? (int)(s->out_width - w) : TILE;
                real *to = spread + (h * m->stride + s->border) * line +
                           (w * m->stride + s->border) * channels + c;
                vec sums[TILE];
                for (int t = 0; t < TILE; t++) sums[t] = VEC(shift + c);
                if (count == TILE) {
                    multiply(TILE, g + at, back + c, channels, sums);
                    multiply(TILE, z + at, scatter + c, channels, sums);
                } else {
                    multiply(count, g + at, back + c, channels, sums);
                    multiply(count, z + at, scatter + c, channels, sums);
                }
                for (int t = 0; t < count; t++) VEC(to + t * m->stride * channels) = sums[t];
            }
}

/* gradient [kernel][kernel][channels] += sum over the pixels of spread times what each tap read */
INLINE void correlate(int kernel, const shape *s, const member *m, const real *padded, const real *spread,
                      real *gradient) {
    const int64_t channels = s->channels, line = padded_width(s) * channels, step = m->stride * channels;
    const int64_t skip = s->border - m->padding;
    for (int64_t c = 0; c < channels; c += LANES)
        for (int i = 0; i < kernel; i++) {
            vec even[7] = {{0}}, odd[7] = {{0}};
            for (int64_t h = 0; h < s->out_height; h++) {
                const real *g = spread + (h * m->stride + s->border) * line + s->border * channels + c;
                const real *at =
                    padded + (h * m->stride + i * m->dilation + skip) * line + skip * channels + c;
                int64_t w = 0;
                for (; w + 2 <= s->out_width; w += 2, g += 2 * step, at += 2 * step)
                    for (int j = 0; j < kernel; j++) {
                        even[j] += VEC(g) * VEC(at + j * m->dilation * channels);
                        odd[j] += VEC(g + step) * VEC(at + step + j * m->dilation * channels);
                    }
                if (w < s->out_width)
                    for (int j = 0; j < kernel; j++)
                        even[j] += VEC(g) * VEC(at + j * m->dilation * channels);
            }
            for (int j = 0; j < kernel; j++)
                VEC(gradient + (i * kernel + j) * channels + c) += even[j] + odd[j];
        }
}

/* The gradients of forward and of the maps that follow it.
 *
 * upstream[k]: gradient of what the map after z[k] gives; back [members][out][in]: that map; shift and
 * scatter [members][channels]([channels]): gradient of z through its moments. Left out where null:
 * filter_gradients [groups][filter_size], laid out [k][k][channels] per member; input_gradients[source];
 * map_gradients [groups][sources][channels * (1 + channels)], sums of the rectified gradient and of it times
 * the input transposed. */
void backward(const shape *s, const member *members, const real *const *inputs, const real *maps,
              const real *shifts, const real *filters, const real *z, const real *const *upstream,
              const real *back, const real *shift, const real *scatter, real *filter_gradients,
              real *const *input_gradients, real *map_gradients) {
    const int64_t channels = s->channels, square = channels * channels;
    const int64_t size = s->height * s->width * channels;
    const int64_t out_size = s->out_height * s->out_width * channels;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++) {
        real *padded = workspace(2 * padded_size(s) + s->filter_size);
        real *spread = padded + padded_size(s), *filter = spread + padded_size(s);
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t source = 0; source < s->sources; source++) {
                const real *input = inputs[source] + image * size;
                real *of_input = input_gradients ? input_gradients[source] + image * size : NULL;
                int first = 1;
                rectify(s, input, maps ? maps + source * square : NULL,
                        maps ? shifts + source * channels : NULL, padded);
                for (int64_t k = 0; k < s->members; k++) {
                    const member *m = members + k;
                    if (m->source != source) continue;
                    gradient_of_z(s, m, upstream[k] + image * out_size, back + k * square,
                                  z + (k * s->batch + image) * out_size, shift + k * channels,
                                  scatter + k * square, spread);
                    if (filter_gradients) {
                        real *own = filter_gradients + group * s->filter_size + m->filter;
                        if (m->kernel == 3)
                            correlate(3, s, m, padded, spread, own);
                        else if (m->kernel == 5)
                            correlate(5, s, m, padded, spread, own);
                        else
                            correlate(7, s, m, padded, spread, own);
                    }
                    if (of_input) {
                        arrange(m, channels, filters + m->filter, 1, filter);
                        convolve(s, m, spread, filter, 1, s->height, s->width, of_input, !first);
                        first = 0;
                    }
                }
                if (!of_input) continue;
                for (int64_t h = 0; h < s->height; h++) {
                    const real *seen = padded + ((h + s->border) * padded_width(s) + s->border) * channels;
                    real *row = of_input + h * s->width * channels;
                    for (int64_t i = 0; i < s->width * channels; i++) row[i] = seen[i] > 0 ? row[i] : 0;
                }
                if (map_gradients) {
                    real *own = map_gradients + (group * s->sources + source) * (channels + square);
                    accumulate(s->height * s->width, channels, of_input, input, own, own + channels);
                }
            }
    }
}
