// What the presets stand for: the method proper on few planes and on more, and others to compare
// with.
#include "QuantizeInternal.h"

#include <string.h>

static const quantize_preset presets[] = {
    {.name = "paper",
     .form = BINQ_FORM_GROUPED_BINARY,
     .planes = 2,
     .activation_planes = 4,
     .outliers = true,
     .damping = 0.05,
     .aim = 0.75,
     .refine = 4},
    {.name = "balanced",
     .form = BINQ_FORM_PLANES,
     .planes = 3,
     .activation_planes = 8,
     .outliers = true,
     .damping = 0.05,
     .aim = 0.75,
     .refine = 4},
    {.name = "rtn",
     .form = BINQ_FORM_PLANES,
     .planes = 2,
     .activation_planes = 4,
     .rounding = BINQ_ROUNDING_NEAREST,
     .damping = 0.01},
    {.name = "gptq",
     .form = BINQ_FORM_PLANES,
     .planes = 2,
     .activation_planes = 4,
     .rounding = BINQ_ROUNDING_GPTQ,
     .damping = 0.01},
    {.name = "billm",
     .form = BINQ_FORM_GROUPED_BINARY,
     .planes = 2,
     .activation_planes = 4,
     .rounding = BINQ_ROUNDING_BILLM,
     .damping = 0.01},
};

const quantize_preset *binq_find_preset(const char *name) {
  for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
    if (strcmp(presets[i].name, name) == 0)
      return &presets[i];
  return NULL;
}

binq_quantize_options binq_apply_preset(const binq_quantize_options *options,
                                        const quantize_preset *preset) {
  binq_quantize_options all = *options;
  if (all.damping < 0)
    all.damping = preset->damping;
  if (all.aim < 0)
    all.aim = preset->aim;
  if (all.refine < 0)
    all.refine = preset->refine;
  if (all.activation_planes == 0)
    all.activation_planes = preset->activation_planes;
  return all;
}
