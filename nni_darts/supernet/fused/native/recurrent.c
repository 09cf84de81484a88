/* States of a recurrent cell: a mixture of highways, then BatchNorm without weights, then the mask.
 *
 * A state is [batch][width]. The edge from state s with the product (gate, candidate) [batch][2 * width] is
 * sum over f of p_f (s + sigmoid(gate) (f(candidate) - s)), f = tanh, relu, sigmoid, identity. Rows of the
 * batch fall into groups that run in parallel. Widths need not be multiples of LANES. */
#include <math.h>

#include "base.h"

#define KINDS 4
#define GROUPS 8
#define JOINED(type) u##type
#define SIGN_OFF(type) JOINED(type)
#define UNSIGNED SIGN_OFF(INTEGER)

typedef struct {
    int64_t batch, width, edges, threads;
    int64_t norm; /* 0: none, 1: by the statistics of the batch, 2: by those given */
} layout;

typedef struct {
    real e, less; /* exp(-a) and exp(-a) - 1 */
} decayed;

/* For a >= 0; both to the last digit, where they are small too. */
INLINE decayed decay(real a) {
    const int wide = sizeof(real) == 8;
    const real magic = wide ? (real)6755399441055744.0 : (real)12582912.0; /* adds up to a whole number */
    const real low = wide ? (real)-700.0 : (real)-87.0;
    real y = -a;
    y = y < low ? low : y;
    const real shifted = y * (real)1.44269504088896340736 + magic;
    const real whole = shifted - magic;
    const real high = wide ? (real)6.93147180369123816490e-01 : (real)0.693359375;
    const real rest = wide ? (real)1.90821492927058770002e-10 : (real)-2.12194440e-4;
    const real r = (y - whole * high) - whole * rest;
    real p; /* exp(r) - 1, |r| < 0.35 */
    if (wide) {
        p = (real)(1.0 / 6227020800.0);
        p = p * r + (real)(1.0 / 479001600.0);
        p = p * r + (real)(1.0 / 39916800.0);
        p = p * r + (real)(1.0 / 3628800.0);
        p = p * r + (real)(1.0 / 362880.0);
        p = p * r + (real)(1.0 / 40320.0);
        p = p * r + (real)(1.0 / 5040.0);
    } else {
        p = (real)(1.0 / 5040.0);
    }
    p = p * r + (real)(1.0 / 720.0);
    p = p * r + (real)(1.0 / 120.0);
    p = p * r + (real)(1.0 / 24.0);
    p = p * r + (real)(1.0 / 6.0);
    p = p * r + (real)0.5;
    p = p * (r * r) + r;
    UNSIGNED bits;
    memcpy(&bits, &shifted, sizeof(real));
    bits = (bits + (wide ? 1023 : 127)) << (wide ? 52 : 23);
    real power;
    memcpy(&power, &bits, sizeof(real));
    return (decayed){power * p + power, power * p + (power - 1)};
}

INLINE real positive(real x) { return x > 0 ? x : 0; }
INLINE real magnitude(real x) { return x < 0 ? -x : x; }

INLINE real sigmoid_of(real x, decayed q) { return (x < 0 ? q.e : 1) / (1 + q.e); }
INLINE real sigmoid(real x) { return sigmoid_of(x, decay(magnitude(x))); }
INLINE real tanh_of(real x, decayed q) {
    const real u = q.less * (q.less + 2), size = -u / (2 + u); /* u = exp(-2a) - 1 */
    return x < 0 ? -size : size;
}

/* Rows of a group. */
INLINE int64_t row_of(const layout *s, int64_t group) { return group * s->batch / GROUPS; }

static void mix(const layout *s, int64_t from, int64_t to, const real *const *products, const int64_t *strides,
                const real *const *states, const real *weights, real *out) {
    const int64_t n = s->width;
    for (int64_t b = from; b < to; b++) {
        real *sum = out + b * n;
        memset(sum, 0, n * sizeof(real));
        for (int64_t e = 0; e < s->edges; e++) {
            const real *gate = products[e] + b * strides[e], *candidate = gate + n, *state = states[e] + b * n;
            const real t = weights[e * KINDS], r = weights[e * KINDS + 1], g = weights[e * KINDS + 2];
            const real i = weights[e * KINDS + 3], mass = t + r + g + i;
            if (t == 0 && g == 0) {
#pragma omp simd
                for (int64_t c = 0; c < n; c++) {
                    const real x = candidate[c], kept = mass * state[c];
                    sum[c] += kept + sigmoid(gate[c]) * (r * positive(x) + i * x - kept);
                }
                continue;
            }
#pragma omp simd
            for (int64_t c = 0; c < n; c++) {
                const decayed q = decay(magnitude(candidate[c]));
                const real x = candidate[c], kept = mass * state[c];
                const real mixed = t * tanh_of(x, q) + r * positive(x) + g * sigmoid_of(x, q) + i * x;
                sum[c] += kept + sigmoid(gate[c]) * (mixed - kept);
            }
        }
    }
}

/* Biased statistics of the rows, and 1 / sqrt(variance + eps). */
static void measure(const layout *s, double eps, const real *x, real *mean, real *variance, real *inverse) {
    const int64_t n = s->width;
    memset(mean, 0, n * sizeof(real));
    memset(variance, 0, n * sizeof(real));
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t c = 0; c < n; c++) mean[c] += x[b * n + c];
    for (int64_t c = 0; c < n; c++) mean[c] /= s->batch;
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t c = 0; c < n; c++) {
            const real d = x[b * n + c] - mean[c];
            variance[c] += d * d;
        }
    for (int64_t c = 0; c < n; c++) {
        variance[c] /= s->batch;
        inverse[c] = (real)(1 / sqrt((double)variance[c] + eps));
    }
}

/* out, and out times the mask where there is one. mean and variance are written for norm 1, read for 2. */
void recurrent_forward(const layout *s, const real *const *products, const int64_t *strides,
                       const real *const *states, const real *weights, double eps, real *mean, real *variance,
                       real *inverse, const real *mask, real *out, real *masked) {
    const int64_t n = s->width;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < GROUPS; group++)
        mix(s, row_of(s, group), row_of(s, group + 1), products, strides, states, weights, out);
    if (s->norm == 1) measure(s, eps, out, mean, variance, inverse);
    if (s->norm == 2)
        for (int64_t c = 0; c < n; c++) inverse[c] = (real)(1 / sqrt((double)variance[c] + eps));
    for (int64_t b = 0; b < s->batch; b++) {
        real *row = out + b * n;
        if (s->norm)
            for (int64_t c = 0; c < n; c++) row[c] = (row[c] - mean[c]) * inverse[c];
        if (mask)
            for (int64_t c = 0; c < n; c++) masked[b * n + c] = row[c] * mask[b * n + c];
    }
}

/* Gradient of the state before its BatchNorm, in place, with two rows of room. */
static void denormalise(const layout *s, const real *state, const real *inverse, real *g, real *room) {
    const int64_t n = s->width;
    real *sum = room, *product = room + n;
    memset(room, 0, 2 * n * sizeof(real));
    if (s->norm == 1)
        for (int64_t b = 0; b < s->batch; b++)
            for (int64_t c = 0; c < n; c++) {
                sum[c] += g[b * n + c];
                product[c] += g[b * n + c] * state[b * n + c];
            }
    for (int64_t c = 0; c < n; c++) {
        sum[c] /= s->batch;
        product[c] /= s->batch;
    }
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t c = 0; c < n; c++)
            g[b * n + c] = inverse[c] * (g[b * n + c] - sum[c] - state[b * n + c] * product[c]);
}

static void unmix(const layout *s, int64_t from, int64_t to, const real *const *products, const int64_t *strides,
                  const real *const *states, const real *weights, const real *gradient, real *const *of_products,
                  real *const *of_states, double *of_weights) {
    const int64_t n = s->width;
    for (int64_t b = from; b < to; b++)
        for (int64_t e = 0; e < s->edges; e++) {
            const real *gate = products[e] + b * strides[e], *candidate = gate + n, *state = states[e] + b * n;
            const real *d = gradient + b * n;
            real *of_gate = of_products[e] + b * strides[e], *of_candidate = of_gate + n;
            real *of_state = of_states[e] + b * n;
            const real t = weights[e * KINDS], r = weights[e * KINDS + 1], g = weights[e * KINDS + 2];
            const real i = weights[e * KINDS + 3], mass = t + r + g + i;
            real sum_t = 0, sum_r = 0, sum_g = 0, sum_i = 0, carried = 0;
            if (!of_weights && t == 0 && g == 0) {
#pragma omp simd
                for (int64_t c = 0; c < n; c++) {
                    const real x = candidate[c], open = sigmoid(gate[c]), kept = mass * state[c];
                    const real mixed = r * positive(x) + i * x;
                    of_gate[c] = d[c] * (mixed - kept) * open * (1 - open);
                    of_candidate[c] = d[c] * open * ((x > 0 ? r : 0) + i);
                    of_state[c] += d[c] * (1 - open) * mass;
                }
                continue;
            }
#pragma omp simd reduction(+ : sum_t, sum_r, sum_g, sum_i, carried)
            for (int64_t c = 0; c < n; c++) {
                const decayed q = decay(magnitude(candidate[c]));
                const real x = candidate[c], open = sigmoid(gate[c]);
                const real th = tanh_of(x, q), sg = sigmoid_of(x, q), kept = mass * state[c];
                const real mixed = t * th + r * positive(x) + g * sg + i * x;
                const real of_mixed = d[c] * open, of_kept = d[c] * (1 - open);
                of_gate[c] = d[c] * (mixed - kept) * open * (1 - open);
                of_candidate[c] = of_mixed * (t * (1 - th * th) + (x > 0 ? r : 0) + g * sg * (1 - sg) + i);
                of_state[c] += of_kept * mass;
                sum_t += of_mixed * th;
                sum_r += of_mixed * positive(x);
                sum_g += of_mixed * sg;
                sum_i += of_mixed * x;
                carried += of_kept * state[c];
            }
            if (of_weights) {
                double *own = of_weights + e * KINDS;
                own[0] += (double)sum_t + carried;
                own[1] += (double)sum_r + carried;
                own[2] += (double)sum_g + carried;
                own[3] += (double)sum_i + carried;
            }
        }
}

/* The gradient of the state arrives in `gradient`, that of the masked state in `of_masked`, which is null
 * where nothing was made of it; `gradient` is overwritten. of_products are written at the strides of the
 * products, of_states and of_weights [edges][KINDS] are added to. of_weights may be null. */
void recurrent_backward(const layout *s, const real *const *products, const int64_t *strides,
                        const real *const *states, const real *weights, const real *state, const real *inverse,
                        const real *mask, const real *of_masked, real *gradient, real *const *of_products,
                        real *const *of_states, double *of_weights) {
    const int64_t n = s->width, count = s->batch * n;
    if (of_masked && mask)
        for (int64_t c = 0; c < count; c++) gradient[c] += of_masked[c] * mask[c];
    else if (of_masked)
        for (int64_t c = 0; c < count; c++) gradient[c] += of_masked[c];
    if (s->norm) denormalise(s, state, inverse, gradient, workspace(2 * n));
    const int64_t width = s->edges * KINDS;
    double sums[GROUPS][width];
    memset(sums, 0, sizeof(sums));
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
    for (int64_t group = 0; group < GROUPS; group++)
        unmix(s, row_of(s, group), row_of(s, group + 1), products, strides, states, weights, gradient,
              of_products, of_states, of_weights ? sums[group] : NULL);
    if (of_weights)
        for (int64_t group = 0; group < GROUPS; group++)
            for (int64_t k = 0; k < width; k++) of_weights[k] += sums[group][k];
}
