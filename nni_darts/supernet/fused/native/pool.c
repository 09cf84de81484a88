/* What all edges from one state share: the state itself and its 3x3 pools, normalised, mixed into targets.
 *
 * Features are of shape [batch][out_height][out_width][channels]; kinds: 0 the state itself, 1 its maximum,
 * 2 its average, padding not counted. */
#include <math.h>

#include "base.h"

typedef INTEGER mask __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL))));

enum { SAME, MAXIMUM, AVERAGE };

typedef struct {
    int64_t top, bottom, left, right; /* the rows and columns of the input that an output sees */
} window;

INLINE window window_of(const shape *s, int64_t stride, int64_t h, int64_t w) {
    const int64_t top = h * stride - 1, left = w * stride - 1;
    window found = {top < 0 ? 0 : top, smaller(top + 3, s->height), left < 0 ? 0 : left,
                    smaller(left + 3, s->width)};
    return found;
}

INLINE vec choose(mask which, vec yes, vec no) {
    return (vec)((which & (mask)yes) | (~which & (mask)no));
}

static void pool_image(const shape *s, int64_t kind, int64_t stride, const real *x, real *out, INTEGER *at) {
    const int64_t channels = s->channels;
    for (int64_t h = 0; h < s->out_height; h++)
        for (int64_t w = 0; w < s->out_width; w++) {
            const window see = window_of(s, stride, h, w);
            const real share = (real)1 / ((see.bottom - see.top) * (see.right - see.left));
            for (int64_t c = 0; c < channels; c += LANES) {
                const int64_t place = (h * s->out_width + w) * channels + c;
                vec best = VEC(x + (see.top * s->width + see.left) * channels + c), total = {0};
                mask where = (mask){0} + (INTEGER)(see.top * s->width + see.left);
                for (int64_t i = see.top; i < see.bottom; i++)
                    for (int64_t j = see.left; j < see.right; j++) {
                        const vec value = VEC(x + (i * s->width + j) * channels + c);
                        if (kind == AVERAGE) {
                            total += value;
                            continue;
                        }
                        const mask higher = (value > best) | (value != value); /* NaN goes through */
                        best = choose(higher, value, best);
                        where = (higher & ((mask){0} + (INTEGER)(i * s->width + j))) | (~higher & where);
                    }
                VEC(out + place) = kind == AVERAGE ? total * share : best;
                if (kind == MAXIMUM) *(mask *)(at + place) = where;
            }
        }
}

/* feature, unless it is the state itself, for the maximum also at (where it was found). If variance is not
 * null, statistics over the pixels and what a BatchNorm makes of them: centre, biased variance, inverse;
 * else a centre of 0 and an inverse of 1. sums [groups][2][channels]: room. */
void pool_forward(const shape *s, int64_t kind, int64_t stride, const real *x, real *feature, INTEGER *at,
                  real *sums, double eps, real *centre, real *variance, real *inverse) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
    const int64_t size = s->height * s->width * channels;
    memset(sums, 0, s->groups * 2 * channels * sizeof(real));
    for (int64_t c = 0; c < channels && !variance; c++) centre[c] = 0, inverse[c] = 1;
    if (kind == SAME) return;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups) {
            real *out = feature + image * pixels * channels, *own = sums + group * 2 * channels;
            pool_image(s, kind, stride, x + image * size, out, at ? at + image * pixels * channels : NULL);
            for (int64_t c = 0; c < channels && variance; c += LANES) {
                vec total = {0}, squares = {0};
                for (int64_t p = 0; p < pixels; p++) {
                    const vec value = VEC(out + p * channels + c);
                    total += value;
                    squares += value * value;
                }
                VEC(own + c) += total;
                VEC(own + channels + c) += squares;
            }
        }
    if (!variance) return;
    reduce(s->groups, 2 * channels, sums);
    const double count = (double)(s->batch * pixels);
    for (int64_t c = 0; c < channels; c++) {
        const double mean = sums[c] / count, found = sums[channels + c] / count - mean * mean;
        centre[c] = (real)mean;
        variance[c] = (real)(found < 0 ? 0 : found); /* rounding may leave less than zero */
        inverse[c] = (real)(1 / sqrt((found < 0 ? 0 : found) + eps));
    }
}

/* outputs[e], added to if add[e], = sum over f of weights[e][f] (features[f] - centre[f]) inverse[f] */
void pool_mix(const shape *s, int64_t outs, int64_t kinds, const real *weights, const real *const *features,
              const real *centre, const real *inverse, const int64_t *add, real *const *outputs) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t e = 0; e < outs; e++)
                for (int64_t c = 0; c < channels; c += LANES)
                    for (int64_t p = 0; p < pixels; p++) {
                        const int64_t place = (image * pixels + p) * channels + c;
                        vec total = add[e] ? VEC(outputs[e] + place) : (vec){0};
                        for (int64_t f = 0; f < kinds; f++)
                            total += (weights[e * kinds + f] * VEC(inverse + f * channels + c)) *
                                     (VEC(features[f] + place) - VEC(centre + f * channels + c));
                        VEC(outputs[e] + place) = total;
                    }
}

/* sums [groups][outs][1 + kinds][channels] of gradients[e], and of it times each feature; as above */
void pool_outer(const shape *s, int64_t outs, int64_t kinds, const real *const *gradients,
                const real *const *features, real *sums) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
    const int64_t width = outs * (1 + kinds) * channels;
    memset(sums, 0, s->groups * width * sizeof(real));
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups)
            for (int64_t e = 0; e < outs; e++)
                for (int64_t f = -1; f < kinds; f++) {
                    real *own = sums + group * width + (e * (1 + kinds) + 1 + f) * channels;
                    const int64_t start = image * pixels * channels;
                    for (int64_t c = 0; c < channels; c += LANES) {
                        const real *g = gradients[e] + start + c;
                        const real *feature = f < 0 ? NULL : features[f] + start + c;
                        vec total = {0};
                        for (int64_t p = 0; p < pixels * channels; p += channels)
                            total += feature ? VEC(g + p) * VEC(feature + p) : VEC(g + p);
                        VEC(own + c) += total;
                    }
                }
    reduce(s->groups, width, sums);
}

/* From the sums of pool_outer: the gradients of the weights [outs][kinds], and for pool_backward factors
 * [outs][kinds][channels], shift and scatter [kinds][channels]. normal[f]: whether f is normalised by count
 * pixels of its own. */
void pool_unmix(int64_t channels, int64_t outs, int64_t kinds, int64_t count, const int64_t *normal,
                const real *weights, const real *sums, const real *centre, const real *inverse,
                real *of_weights, real *factors, real *shift, real *scatter) {
    memset(shift, 0, kinds * channels * sizeof(real));
    memset(scatter, 0, kinds * channels * sizeof(real));
    for (int64_t e = 0; e < outs; e++)
        for (int64_t f = 0; f < kinds; f++) {
            const real *plain = sums + e * (1 + kinds) * channels, *times = plain + (1 + f) * channels;
            const real weight = weights[e * kinds + f];
            double total = 0;
            for (int64_t c = 0; c < channels; c++) {
                const int64_t row = f * channels + c;
                const real along = inverse[row] * (times[c] - centre[row] * plain[c]);
                total += along;
                factors[e * kinds * channels + row] = weight * inverse[row];
                if (!normal[f]) continue;
                const real slope = inverse[row] * inverse[row] * weight * along / count;
                scatter[row] -= slope;
                shift[row] += slope * centre[row] - inverse[row] * weight * plain[c] / count;
            }
            of_weights[e * kinds + f] = (real)total;
        }
}

/* of_x: gradient of the state, where that of feature f is
 * shift[f] + scatter[f] features[f] + sum over e of factors[e][f] gradients[e] */
void pool_backward(const shape *s, int64_t stride, int64_t outs, int64_t kinds, const int64_t *kind,
                   const real *const *gradients, const real *const *features, INTEGER *const *at,
                   const real *factors, const real *shift, const real *scatter, real *of_x) {
    const int64_t channels = s->channels, pixels = s->out_height * s->out_width;
    const int64_t size = s->height * s->width * channels;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t image = group; image < s->batch; image += s->groups) {
            real *own = of_x + image * size;
            memset(own, 0, size * sizeof(real));
            for (int64_t f = 0; f < kinds; f++)
                for (int64_t p = 0; p < pixels; p++) {
                    const int64_t place = (image * pixels + p) * channels;
                    const window see = window_of(s, stride, p / s->out_width, p % s->out_width);
                    const real share = (real)1 / ((see.bottom - see.top) * (see.right - see.left));
                    for (int64_t c = 0; c < channels; c += LANES) {
                        const int64_t row = f * channels + c;
                        vec g = VEC(shift + row) + VEC(scatter + row) * VEC(features[f] + place + c);
                        for (int64_t e = 0; e < outs; e++)
                            g += VEC(factors + e * kinds * channels + row) * VEC(gradients[e] + place + c);
                        if (kind[f] == SAME) {
                            VEC(own + p * channels + c) += g;
                            continue;
                        }
                        if (kind[f] == AVERAGE) g *= share;
                        for (int64_t i = see.top; i < see.bottom; i++)
                            for (int64_t j = see.left; j < see.right; j++) {
                                const int64_t seen = i * s->width + j;
                                real *to = own + seen * channels + c;
                                if (kind[f] == AVERAGE)
                                    VEC(to) += g;
                                else
                                    VEC(to) += (vec)((mask)g & (*(mask *)(at[f] + place + c) ==
                                                                ((mask){0} + (INTEGER)seen)));
                            }
                    }
                }
        }
}
