/// The text that calibration moves through the layers, and what is gathered on the way.
#ifndef BINQ_LIB_CALIBRATE_TEXT_H
#define BINQ_LIB_CALIBRATE_TEXT_H

#include "Internal.h"
#include "binq/Calibrate/Calibration.h"

/// What is gathered at the input under observation.
typedef struct {
  float *rows;    ///< [window][columns]
  float *sum;     ///< [columns][columns]
  float *cross;   ///< [columns][columns]
  float *wanted;  ///< [hidden size][columns]
  float *missing; ///< [window][hidden size]: what the text lacks of the float model's
  float *sample;  ///< [sample_tokens][columns]
} binq_station;

/// What the float model did in the layer under observation.
typedef struct {
  const binq_graph_function *layer; ///< NULL: nothing yet
  const graph_cut *cut;
  float **read;  ///< by input: [windows][window][columns]; NULL: nobody asks for it
  float **added; ///< by linear: [windows][window][stride], what it adds; NULL: likewise
} binq_followed;

/// How far the quantized text has come in a layer.
typedef struct {
  int64_t layer, part; ///< the part that comes next
  float **carried;     ///< by number: [windows][window][stride], NULL where nothing reads it any
                       ///< more or it is not made; NULL itself: the text is in no layer
  float **window;      ///< the same of the window that is being run
} binq_passage;

/// Rows of the whole text that nobody uses; a few, for they count as memory where it is scarce.
typedef struct {
  float *rows; ///< [windows][window][stride]; NULL: none
  int64_t stride;
} binq_spare_rows;
enum { BINQ_SPARE_ROWS = 2 };

struct binq_calibration {
  binq_graph *graph;
  int64_t windows, window, stride;
  int64_t window_samples; ///< rows that go to the sample from each window
  float *text;            ///< [windows][window][stride]: where the text has come to
  float *float_text;      ///< the same of the float model; NULL: it is not followed
  float *after;           ///< [window][stride]: one window past a layer
  float *cache;
  binq_passage passage;
  binq_station station;
  binq_followed followed;
  binq_spare_rows spares[BINQ_SPARE_ROWS];
};

/// A window of `text`, or of other rows that are `columns` long.
float *binq_window_of(const binq_calibration *c, float *text, int64_t columns, int64_t window);

/// Rows of the whole text, with any content; given back where they are held.
binq_status binq_take_rows(binq_calibration *c, int64_t stride, float **out);
void binq_give_rows_back(binq_calibration *c, int64_t stride, float **rows);
void binq_free_spare_rows(binq_calibration *c);

/// Runs a layer over a window of text. What it makes of it comes to `after`.
void binq_run_window(const binq_calibration *c, int64_t layer, const linear_mode *mode,
                     const float *text);

/// The same, and moves the window on.
void binq_move_window(const binq_calibration *c, int64_t layer, const linear_mode *mode,
                      float *text);

/// Room for what the linears of a layer read, quantized; freed with free().
binq_status binq_activation_room(const binq_calibration *c, int64_t layer, float **out);

/// Takes the text through the parts of the layer up to `part`, as far as it has not come through
/// them.
binq_status binq_pass_to(binq_calibration *c, int64_t layer, int64_t part,
                         const binq_quantized_layer *quantized);

/// A window of a carried value of the layer that the text is in, or of what the layer reads.
const float *binq_passing_rows(const binq_calibration *c, int64_t value, int64_t window,
                               int64_t *stride);

/// Releases what the last observation left.
void binq_forget_observation(binq_calibration *c);

#endif
