/* A linear map and the BatchNorm after it as one linear map, for many maps at once, and the gradients.
 *
 * With y = P z: mean(y) = P mean(z) and var(y) = diag(P cov(z) P^T). See folded.py for the shapes. */
#include <math.h>

#include "base.h"

/* out [channels] (+)= sum over c of factors[c * step] times row c of matrix */
INLINE void weigh(int64_t channels, const real *factors, int64_t step, const real *matrix, real *out) {
    for (int64_t d = 0; d < channels; d += LANES) {
        vec total = VEC(out + d);
        for (int64_t c = 0; c < channels; c++) total += factors[c * step] * VEC(matrix + c * channels + d);
        VEC(out + d) = total;
    }
}

INLINE real inner(int64_t channels, const real *a, const real *b) {
    vec total = {0};
    for (int64_t c = 0; c < channels; c += LANES) total += VEC(a + c) * VEC(b + c);
    real sum = 0;
    for (int r = 0; r < LANES; r++) sum += total[r];
    return sum;
}

/* mean and covariance of z from the sums of z and z z^T over count pixels; centre and variance of P z */
void fold_moments(int64_t members, int64_t channels, int64_t count, const real *pointwise, const real *sums,
                  real *mean, real *covariance, real *centre, real *variance) {
    const int64_t square = channels * channels;
    for (int64_t k = 0; k < members; k++) {
        const real *own = sums + k * (channels + square), *map = pointwise + k * square;
        real *m = mean + k * channels, *cov = covariance + k * square;
        for (int64_t c = 0; c < channels; c++) m[c] = own[c] / count;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t d = 0; d < channels; d++)
                cov[c * channels + d] = own[channels + c * channels + d] / count - m[c] * m[d];
        real *row = workspace(channels);
        for (int64_t d = 0; d < channels; d++) {
            memset(row, 0, channels * sizeof(real));
            weigh(channels, map + d * channels, 1, cov, row);
            const real found = inner(channels, row, map + d * channels);
            centre[k * channels + d] = inner(channels, m, map + d * channels);
            variance[k * channels + d] = found < 0 ? 0 : found; /* rounding may leave less than zero */
        }
    }
}

/* inverse = 1 / sqrt(variance + eps); maps [members][out][in], turned [members][in][out], and shifts.
 * weight and bias may be null. */
void fold_maps(int64_t members, int64_t channels, double eps, const real *pointwise, const real *centre,
               const real *variance, const real *weight, const real *bias, real *inverse, real *maps,
               real *turned, real *shifts) {
    const int64_t square = channels * channels;
    for (int64_t i = 0; i < members * channels; i++) {
        inverse[i] = (real)(1 / sqrt((double)variance[i] + eps));
        const real scale = weight ? inverse[i] * weight[i] : inverse[i];
        const int64_t k = i / channels, d = i % channels;
        shifts[i] = (bias ? bias[i] : 0) - centre[i] * scale;
        for (int64_t c = 0; c < channels; c++) {
            maps[i * channels + c] = scale * pointwise[i * channels + c];
            turned[k * square + c * channels + d] = maps[i * channels + c];
        }
    }
}

/* Gradients from sums[k] [channels * (1 + channels)], those of factors[k] times shifts and maps (the first
 * `plain` factors are 1 and get none): of the factors, of P, of the BatchNorm's weight and bias (null without), and through mean(z) and mean(z z^T) of z
 * at any pixel, as shift and scatter: gradient = shift + scatter z. Evaluating, mean is null and they are zero. */
void fold_backward(int64_t members, int64_t channels, int64_t count, const real *const *sums,
                   const real *factors, int64_t plain, const real *pointwise, const real *mean, const real *covariance,
                   const real *centre, const real *inverse, const real *weight, const real *maps,
                   const real *shifts, real *of_factors, real *of_pointwise, real *of_weight, real *of_bias,
                   real *shift, real *scatter) {
    const int64_t square = channels * channels;
    for (int64_t k = 0; k < members; k++) {
        const real *of_shifts = sums[k], *of_maps = sums[k] + channels;
        const real *map = pointwise + k * square, factor = k < plain ? 1 : factors[k];
        real *of_map = of_pointwise + k * square;
        real *of_variance = workspace(channels);
        real of_factor = inner(channels, of_shifts, shifts + k * channels);
        for (int64_t d = 0; d < channels; d++) {
            const int64_t i = k * channels + d;
            const real *of_row = of_maps + d * channels;
            const real scale = weight ? inverse[i] * weight[i] : inverse[i];
            of_factor += inner(channels, of_row, maps + i * channels);
            const real of_scale =
                factor * (inner(channels, of_row, map + d * channels) - of_shifts[d] * centre[i]);
            if (weight) {
                of_weight[i] = of_scale * inverse[i];
                of_bias[i] = factor * of_shifts[d];
            }
            of_variance[d] = (real)-0.5 * (weight ? of_scale * weight[i] : of_scale) * inverse[i] *
                             inverse[i] * inverse[i];
            for (int64_t c = 0; c < channels; c++)
                of_map[d * channels + c] = factor * scale * of_row[c];
        }
        if (k >= plain) of_factors[k] = of_factor;
        real *into = shift + k * channels, *product = scatter + k * square;
        memset(into, 0, channels * sizeof(real));
        memset(product, 0, square * sizeof(real));
        if (!mean) continue;
        const real *m = mean + k * channels, *cov = covariance + k * square;
        for (int64_t d = 0; d < channels; d++) {
            const int64_t i = k * channels + d;
            const real *row = map + d * channels;
            const real of_centre = -factor * of_shifts[d] * (weight ? inverse[i] * weight[i] : inverse[i]);
            for (int64_t c = 0; c < channels; c++) {
                const real factor_c = 2 * of_variance[d] * row[c];
                into[c] += of_centre * row[c];
                for (int64_t e = 0; e < channels; e++) {
                    product[c * channels + e] += factor_c * row[e];
                    of_map[d * channels + e] += factor_c * cov[c * channels + e];
                }
            }
            for (int64_t c = 0; c < channels; c++) of_map[d * channels + c] += of_centre * m[c];
        }
        /* product is twice the gradient of cov = mean(z z^T) - m m^T, symmetric */
        for (int64_t c = 0; c < channels; c++)
            into[c] = (into[c] - inner(channels, product + c * channels, m)) / count;
        for (int64_t c = 0; c < square; c++) product[c] /= count;
    }
}
