/// The exact minimum that an EM from any start can at best reach: in one dimension the clusters are
/// runs of the sorted weights, and dynamic programming over their ends finds the best ones.
#include "Slice.h"

enum { LANES = 4, LEVELS = 4, POINTS = BINQ_GROUP + 1 };

#define LEAST_IMPORTANCE 1e-9F

typedef double lanes __attribute__((ext_vector_type(LANES)));

/// Weights and their importance, sorted ascending in each row.
typedef struct {
  binq_rows w[BINQ_GROUP], h[BINQ_GROUP];
} sorted_group;

static void exchange(sorted_group *group, int64_t a, int64_t b) {
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    float wa = group->w[a][r], wb = group->w[b][r], ha = group->h[a][r], hb = group->h[b][r];
    int swap = wa > wb;
    group->w[a][r] = swap ? wb : wa;
    group->w[b][r] = swap ? wa : wb;
    group->h[a][r] = swap ? hb : ha;
    group->h[b][r] = swap ? ha : hb;
  }
}

/// Batcher's merge exchange (Knuth, volume 3, algorithm 5.2.2M): the same exchanges in every row.
static void sort_group(sorted_group *group, int64_t count) {
  int64_t top = 1;
  while (top * 2 < count)
    top *= 2;
  for (int64_t p = top; p > 0; p /= 2) {
    int64_t distance = p, rest = 0;
    for (int64_t q = top;; q /= 2) {
      for (int64_t i = 0; i + distance < count; ++i)
        if ((i & p) == rest)
          exchange(group, i, i + distance);
      if (q == p)
        break;
      distance = q - p;
      rest = p;
    }
  }
}

/// Sums over the first i weights of four rows, and the most that sum h w^2 can be explained by one,
/// two, three levels.
typedef struct {
  lanes h[POINTS], hw[POINTS];
  lanes explained[LEVELS - 1][POINTS];
} program;

static void sum_up(const sorted_group *group, int64_t count, int first_row, program *p) {
  p->h[0] = p->hw[0] = (lanes)0;
  for (int64_t i = 0; i < count; ++i)
    for (int r = 0; r < LANES; ++r) {
      double h = (double)group->h[i][first_row + r];
      p->h[i + 1][r] = p->h[i][r] + h;
      p->hw[i + 1][r] = p->hw[i][r] + h * (double)group->w[i][first_row + r];
    }
}

/// What one level explains of weights i .. j - 1; the better, the more.
static lanes explained_by_one(const program *p, int64_t i, int64_t j) {
  lanes hw = p->hw[j] - p->hw[i];
  return hw * hw / (p->h[j] - p->h[i]);
}

static void run_program(program *p, int64_t count) {
  for (int k = 0; k < LEVELS - 1; ++k)
    p->explained[k][0] = (lanes)0;
  for (int64_t j = 1; j <= count; ++j) {
    lanes one = explained_by_one(p, 0, j), two = one, three = one;
    for (int64_t i = 1; i < j; ++i) {
      lanes last = explained_by_one(p, i, j);
      two = __builtin_elementwise_max(two, p->explained[0][i] + last);
      three = __builtin_elementwise_max(three, p->explained[1][i] + last);
    }
    p->explained[0][j] = one;
    p->explained[1][j] = two;
    p->explained[2][j] = three;
  }
}

/// Where the run of weights that ends before `end` and takes level k begins, in an optimal choice.
static int64_t best_begin(const program *p, int64_t end, int k, int row) {
  int64_t begin = 0;
  double best = -1;
  for (int64_t i = k > 0 ? end - 1 : 0; i >= 0; --i) {
    double hw = p->hw[end][row] - p->hw[i][row];
    double explained = hw * hw / (p->h[end][row] - p->h[i][row]);
    if (k > 0)
      explained += p->explained[k - 1][i][row];
    if (explained > best) {
      best = explained;
      begin = i;
    }
  }
  return begin;
}

/// Follows the runs of one row back, from the highest level to the lowest.
static void read_levels(const program *p, int64_t count, int row, float levels[LEVELS]) {
  int64_t end = count;
  for (int k = LEVELS - 1; k >= 0 && end > 0; --k) {
    int64_t begin = best_begin(p, end, k, row);
    double hw = p->hw[end][row] - p->hw[begin][row];
    levels[k] = (float)(hw / (p->h[end][row] - p->h[begin][row]));
    // Should the runs be used up early, the levels left over repeat the lowest one.
    for (int lower = 0; lower < k; ++lower)
      levels[lower] = levels[k];
    end = begin;
  }
}

/// Copies weights and importance, the latter scaled to at most 1 and never quite 0: a division by
/// the importance of any run is safe then.
static void fill_group(const binq_rows *w, const float *h, int64_t channels, sorted_group *group) {
  float largest = 0;
  for (int64_t j = 0; j < channels; ++j)
    largest = h[j] > largest ? h[j] : largest;
  float factor = largest > 0 ? 1 / largest : 0;
  for (int64_t j = 0; j < channels; ++j) {
    float importance = h[j] * factor;
    if (!(importance > LEAST_IMPORTANCE))
      importance = LEAST_IMPORTANCE;
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      group->w[j][r] = w[j][r];
      group->h[j][r] = importance;
    }
  }
}

void binq_optimal_levels(const binq_rows *w, const float *h, int64_t channels,
                         binq_rows levels[LEVELS]) {
  sorted_group group;
  fill_group(w, h, channels, &group);
  sort_group(&group, channels);
  for (int first = 0; first < BINQ_BLOCK_ROWS; first += LANES) {
    program p;
    sum_up(&group, channels, first, &p);
    run_program(&p, channels);
    for (int r = 0; r < LANES; ++r) {
      float found[LEVELS] = {0};
      read_levels(&p, channels, r, found);
      for (int k = 0; k < LEVELS; ++k)
        levels[k][first + r] = found[k];
    }
  }
}
