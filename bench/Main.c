/// bench-kernels: times one linear as binq compiles it against others', in the same run.
#include "Command.h"
#include "Floats.h"
#include "Ours.h"
#include "Output.h"
#include "Peers.h"
#include "Probes.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/File.h"
#include "binq/Support/Memory.h"
#include "runtime/Pool.h"
#include <stdlib.h>
#include <string.h>

enum { READ, MULTIPLY, PROBES };
enum { ENTRANTS_MAX = 128 };

typedef struct {
  bench_command command;
  MlirContext context;
  const bench_peer_interface *peer;
  bench_entrant entrants[ENTRANTS_MAX]; ///< the probes, then those of a shape
  int count;
  bench_weights weights[BENCH_LIST_MAX]; ///< by format
  size_t weights_count;
  bench_problem problem;
  float *values, *x;
  FILE *json;
  bool printed; ///< a match
} bench;

static int64_t most_tokens(const bench_command *command) {
  int64_t most = 1;
  for (size_t i = 0; i < command->token_count; i++)
    most = command->tokens[i] > most ? command->tokens[i] : most;
  return most;
}

static binq_status add(bench *b, bench_kind kind, const bench_contestant *contestant) {
  double *seconds = NULL;
  binq_status status = b->count < ENTRANTS_MAX
                           ? binq_allocate((size_t)b->command.effort.rounds, sizeof *seconds,
                                           "what is measured", &seconds)
                           : binq_errorf("more than %d linears side by side", ENTRANTS_MAX);
  if (status)
    contestant->destroy(contestant->state);
  else
    b->entrants[b->count++] =
        (bench_entrant){.kind = kind, .contestant = *contestant, .seconds = seconds};
  return status;
}

static void remove_entrants(bench *b, int kept) {
  while (b->count > kept) {
    bench_entrant *e = &b->entrants[--b->count];
    e->contestant.destroy(e->contestant.state);
    free(e->seconds);
  }
}

// --- who takes part

static binq_status add_probes(bench *b) {
  bench_contestant probe;
  BINQ_TRY(bench_read_probe(b->command.memory, &probe));
  BINQ_TRY(add(b, BENCH_READ, &probe));
  BINQ_TRY(bench_multiply_probe(&probe));
  return add(b, BENCH_MULTIPLY, &probe);
}

static binq_status add_ours(bench *b) {
  const bench_command *c = &b->command;
  bench_contestant ours;
  for (size_t f = 0; f < c->formats.count; f++) {
    bench_weights *weights = &b->weights[f];
    BINQ_TRY(bench_weights_create(c->formats.items[f], &b->problem, c->int8_columns, weights));
    b->weights_count = f + 1;
    for (size_t o = 0; o < c->lower_options.count; o++) {
      const char *options = c->lower_options.items[o];
      BINQ_TRY(bench_ours_create(b->context, c->formats.items[f],
                                 strcmp(options, "-") ? options : "", weights, &ours));
      BINQ_TRY(add(b, BENCH_OURS, &ours));
    }
  }
  return BINQ_OK;
}

/// Types that do not go with the shape are left out.
static binq_status add_peers(bench *b) {
  const bench_command *c = &b->command;
  bench_contestant peer;
  for (size_t i = 0; b->peer && i < c->types.count; i++) {
    bench_fit fit = b->peer->create(c->types.items[i], &b->problem, bench_use_huge_pages, &peer);
    if (fit == BENCH_FAILED)
      return binq_errorf("ggml has no type '%s', or no memory for it", c->types.items[i]);
    if (fit == BENCH_FITS)
      BINQ_TRY(add(b, BENCH_PEER, &peer));
  }
  if (!*c->openblas)
    return BINQ_OK;
  BINQ_TRY(bench_openblas_create(c->openblas, &b->problem, &peer));
  return add(b, BENCH_PEER, &peer);
}

// --- matches

/// A peer need not give what the float weights do, but something near: Q4_0 can be off by 0.1 where
/// weights are of both signs and one size.
static binq_status check_peer(const bench *b, const bench_contestant *peer,
                              const bench_setting *setting) {
  const bench_shape *shape = &b->problem.shape;
  int64_t last = setting->tokens - 1;
  int64_t calls = peer->prepare(peer->state, setting);
  peer->run(peer->state, 0, calls, peer->copies);
  double error = bench_float_error(&b->problem, setting->x + last * shape->columns,
                                   peer->output(peer->state) + last * shape->rows);
  return error < 0.15 ? BINQ_OK
                      : binq_errorf("%s: outputs are off by a share of %g", peer->name, error);
}

static binq_status check(const bench *b, const bench_setting *setting) {
  for (int i = PROBES; i < b->count; i++) {
    const bench_contestant *contestant = &b->entrants[i].contestant;
    if (b->entrants[i].kind == BENCH_OURS)
      BINQ_TRY(bench_ours_check(contestant, setting));
    else
      BINQ_TRY(check_peer(b, contestant, setting));
  }
  return BINQ_OK;
}

/// What reads memory is no measure for weights in a cache.
static void play(bench *b, const bench_setting *setting, bool cold) {
  int first = cold ? READ : MULTIPLY;
  bench_match match = {.shape = b->problem.shape,
                       .setting = *setting,
                       .cold = cold,
                       .effort = b->command.effort,
                       .entrants = b->entrants + first,
                       .count = b->count - first};
  bench_measure(&match);
  bench_print_match(&match, stdout);
  if (b->json)
    bench_json_match(&match, !b->printed, b->json);
  b->printed = true;
}

static binq_status run_setting(bench *b, int64_t tokens, int64_t threads) {
  bench_setting setting = {.tokens = tokens, .threads = (int)threads, .x = b->x};
  if (binq_pool_create((int)threads, &setting.pool) != 0)
    return binq_errorf("%lld threads cannot be started", (long long)threads);
  binq_status status = check(b, &setting);
  if (!status && strcmp(b->command.cache, "hot") != 0)
    play(b, &setting, true);
  if (!status && strcmp(b->command.cache, "cold") != 0)
    play(b, &setting, false);
  binq_pool_destroy(setting.pool);
  return status;
}

static binq_status run_settings(bench *b) {
  const bench_command *c = &b->command;
  BINQ_TRY(bench_random_weights(b->problem.shape.columns, &b->values));
  BINQ_TRY(bench_random_activations(most_tokens(c), b->problem.shape.columns, &b->x));
  b->problem.values = b->values;
  BINQ_TRY(add_ours(b));
  BINQ_TRY(add_peers(b));
  for (size_t t = 0; t < c->token_count; t++)
    for (size_t i = 0; i < c->thread_count; i++)
      BINQ_TRY(run_setting(b, c->tokens[t], c->threads[i]));
  return BINQ_OK;
}

static binq_status run_shape(bench *b, const bench_shape *shape) {
  b->problem = (bench_problem){.shape = *shape, .least_bytes = b->command.memory};
  binq_status status = run_settings(b);
  remove_entrants(b, PROBES);
  while (b->weights_count > 0)
    bench_weights_destroy(&b->weights[--b->weights_count]);
  free(b->values);
  free(b->x);
  b->values = b->x = NULL;
  return status;
}

static binq_status run_shapes(bench *b) {
  if (*b->command.peer)
    BINQ_TRY(bench_peer_open(b->command.peer, &b->peer));
  BINQ_TRY(binq_dialect_load(b->context));
  BINQ_TRY(add_probes(b));
  for (size_t i = 0; i < b->command.shape_count; i++)
    BINQ_TRY(run_shape(b, &b->command.shapes[i]));
  return BINQ_OK;
}

/// Writes the numbers, which are in memory until then.
static binq_status finish_json(bench *b, binq_output *output, char **text, const size_t *size,
                               binq_status status) {
  bench_json_end(b->json);
  if (fclose(b->json) != 0 && !status)
    status = binq_errorf("memory is out");
  if (!status)
    status = binq_output_write(output, *text, *size);
  free(*text);
  if (!status)
    return binq_output_commit(output);
  binq_output_discard(output);
  return status;
}

static binq_status run(bench *b) {
  binq_output *output = NULL;
  char *text = NULL;
  size_t size = 0;
  if (*b->command.json) {
    BINQ_TRY(binq_output_create(b->command.json, &output));
    b->json = open_memstream(&text, &size);
    if (!b->json) {
      binq_output_discard(output);
      return binq_errorf("memory is out");
    }
    bench_json_begin(b->command.effort.rounds, b->json);
  }
  b->context = mlirContextCreate();
  binq_status status = run_shapes(b);
  remove_entrants(b, 0);
  mlirContextDestroy(b->context);
  return b->json ? finish_json(b, output, &text, &size, status) : status;
}

int main(int argc, char **argv) {
  static bench b;
  binq_command_request request = BINQ_COMMAND_RUN;
  binq_status status = bench_command_parse(argc, argv, &b.command, &request);
  if (!status && request == BINQ_COMMAND_RUN)
    status = run(&b);
  return binq_command_finish("bench-kernels", status, stderr);
}
