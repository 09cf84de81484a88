/* Depthwise convolutions of one image and their gradients. */
#ifndef DEPTHWISE_H
#define DEPTHWISE_H

#include "base.h"

typedef struct {
    int64_t source, kernel, stride, dilation, padding, filter; /* filter: where it begins among the flat ones */
} member;

INLINE int64_t padded_width(const shape *s) { return s->width + 2 * s->border; }

INLINE int64_t padded_size(const shape *s) {
    return (s->height + 2 * s->border) * padded_width(s) * s->channels;
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
                const int64_t count = smaller(TILE, s->width - w);
                vec sums[TILE];
                for (int t = 0; t < TILE; t++) sums[t] = VEC(shift + c);
                multiply_tile(count, from + w * channels, map + c, channels, sums);
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
        real *to = out + h * width * channels;
        for (int64_t c = 0; c < channels; c += LANES) {
            int64_t w = 0;
#define TILES(count)                                                                                         \
    for (; w + count <= width; w += count)                                                                   \
    convolve_tile(count, row + w * step * channels + c, line, filter + c, m, step, channels,                 \
                  to + w * channels + c, add)
            TILES(TILE);
            TILES(4);
            TILES(1);
#undef TILES
        }
    }
}

/* gradient [kernel][kernel][channels] += sum over the outputs of theirs (where the centre of the filter
 * stood) times what each tap read */
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

#endif
