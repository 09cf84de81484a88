/* Depthwise convolutions of many images, the linear maps between them, and their gradients. */
#include "depthwise.h"

/* z [members][batch][out_height][out_width][channels]: depthwise convolutions of relu(input), or of
 * relu(map input + shift) with maps [sources][in][out].
 * sums [groups][members][channels * (1 + channels)], or null: of z and of z z^T, the first group's the whole. */
void chain_forward(const shape *s, const member *members, const real *const *inputs, const real *maps,
                   const real *shifts, const real *filters, real *z, real *sums) {
    const int64_t channels = s->channels, square = channels * channels;
    const int64_t size = s->height * s->width * channels;
    const int64_t pixels = s->out_height * s->out_width;
    const int64_t width = s->members * (channels + square);
    if (sums) memset(sums, 0, s->groups * width * sizeof(real));
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
                    real *out = z + (k * s->batch + image) * pixels * channels;
                    arrange(m, channels, filters + m->filter, 0, filter);
                    convolve(s, m, padded, filter, m->stride, s->out_height, s->out_width, out, 0);
                    if (!sums) continue;
                    real *own = sums + group * width + k * (channels + square);
                    accumulate(pixels, channels, out, out, own, own + channels);
                }
            }
    }
    if (sums) reduce(s->groups, width, sums);
}

/* outputs[e], added to if add[e], = sum of weights[k] (maps[k] z[k] + shifts[k]) over the members k with
 * targets[k] = e */
void chain_combine(const shape *s, int64_t outs, const int64_t *targets, const real *weights,
                   const real *const *z, const real *const *maps, const real *const *shifts,
                   const int64_t *add, real *const *outputs) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t e = 0; e < outs; e++)
                for (int64_t c = 0; c < channels; c += LANES)
                    for (int64_t p = 0; p < pixels; p += TILE) {
                        const int64_t at = (image * pixels + p) * channels;
                        const int64_t count = smaller(TILE, pixels - p);
                        vec totals[TILE] = {{0}};
                        for (int t = 0; t < count && add[e]; t++)
                            totals[t] = VEC(outputs[e] + at + t * channels + c);
                        for (int64_t k = 0; k < s->members; k++) {
                            if (targets[k] != e) continue;
                            vec sums[TILE];
                            for (int t = 0; t < TILE; t++) sums[t] = VEC(shifts[k] + c);
                            multiply_tile(count, z[k] + at, maps[k] + c, channels, sums);
                            for (int t = 0; t < TILE; t++) totals[t] += weights[k] * sums[t];
                        }
                        for (int t = 0; t < count; t++)
                            VEC(outputs[e] + at + t * channels + c) = totals[t];
                    }
}

/* sums [groups][members][channels * (1 + channels)] of g and of g z^T, g being gradients[k]; as above */
void chain_outer(const shape *s, const real *const *gradients, const real *const *z, real *sums) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
    const int64_t width = s->members * channels * (1 + channels);
    memset(sums, 0, s->groups * width * sizeof(real));
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t k = 0; k < s->members; k++) {
                real *own = sums + group * width + k * channels * (1 + channels);
                const int64_t at = image * pixels * channels;
                accumulate(pixels, channels, gradients[k] + at, z[k] + at, own, own + channels);
            }
    reduce(s->groups, width, sums);
}

/* spread, where the centre of the filter stood = weight back^T g + shift + scatter z */
static void gradient_of_z(const shape *s, const member *m, const real *g, const real *back, real weight,
                          const real *z, const real *shift, const real *scatter, real *spread) {
    const int64_t channels = s->channels, line = padded_width(s) * channels;
    memset(spread, 0, padded_size(s) * sizeof(real));
    for (int64_t h = 0; h < s->out_height; h++)
        for (int64_t c = 0; c < channels; c += LANES)
            for (int64_t w = 0; w < s->out_width; w += TILE) {
                const int64_t at = (h * s->out_width + w) * channels;
                const int64_t count = smaller(TILE, s->out_width - w);
                real *to = spread + (h * m->stride + s->border) * line +
                           (w * m->stride + s->border) * channels + c;
                vec sums[TILE] = {{0}};
                multiply_tile(count, g + at, back + c, channels, sums);
                for (int t = 0; t < TILE; t++) sums[t] = weight * sums[t] + VEC(shift + c);
                multiply_tile(count, z + at, scatter + c, channels, sums);
                for (int t = 0; t < count; t++) VEC(to + t * m->stride * channels) = sums[t];
            }
}

/* The gradients of chain_forward and of the maps that follow it.
 *
 * upstream[k]: gradient of weights[k] (1 for the first `plain` members) times what the map back[k] [out][in]
 * gives of z[k]; shift and scatter [members][channels]([channels]): gradient of z through its sums. Left out where null: filter_gradients
 * [groups][filter_size], the first group's the whole, [k][k][channels] per member; input_gradients[source];
 * map_gradients [groups][sources][channels * (1 + channels)], sums of the rectified gradient and of it times
 * the input transposed, likewise. */
void chain_backward(const shape *s, const member *members, const real *const *inputs, const real *maps,
                    const real *shifts, const real *filters, const real *z, const real *const *upstream,
                    const real *const *back, const real *weights, int64_t plain, const real *shift,
                    const real *scatter,
                    real *filter_gradients, real *const *input_gradients, real *map_gradients) {
    const int64_t channels = s->channels, square = channels * channels;
    const int64_t size = s->height * s->width * channels;
    const int64_t out_size = s->out_height * s->out_width * channels;
    const int64_t width = s->sources * (channels + square);
    if (filter_gradients) memset(filter_gradients, 0, s->groups * s->filter_size * sizeof(real));
    if (map_gradients) memset(map_gradients, 0, s->groups * width * sizeof(real));
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++) {
        real *padded = workspace(2 * padded_size(s) + s->filter_size);
        real *spread = padded + padded_size(s), *filter = spread + padded_size(s);
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t source = 0; source < s->sources; source++) {
                const real *input = inputs[source] + image * size;
                real *of_input = input_gradients ? input_gradients[source] + image * size : NULL;
                int add = 0;
                rectify(s, input, maps ? maps + source * square : NULL,
                        maps ? shifts + source * channels : NULL, padded);
                for (int64_t k = 0; k < s->members; k++) {
                    const member *m = members + k;
                    if (m->source != source) continue;
                    gradient_of_z(s, m, upstream[k] + image * out_size, back[k], k < plain ? 1 : weights[k],
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
                        convolve(s, m, spread, filter, 1, s->height, s->width, of_input, add);
                        add = 1;
                    }
                }
                if (!of_input) continue;
                for (int64_t h = 0; h < s->height; h++) {
                    const real *seen = padded + ((h + s->border) * padded_width(s) + s->border) * channels;
                    real *row = of_input + h * s->width * channels;
                    for (int64_t i = 0; i < s->width * channels; i++) row[i] = seen[i] > 0 ? row[i] : 0;
                }
                if (map_gradients) {
                    real *own = map_gradients + group * width + source * (channels + square);
                    accumulate(s->height * s->width, channels, of_input, input, own, own + channels);
                }
            }
    }
    if (filter_gradients) reduce(s->groups, s->filter_size, filter_gradients);
    if (map_gradients) reduce(s->groups, width, map_gradients);
}
