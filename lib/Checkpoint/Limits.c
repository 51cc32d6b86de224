#include "Internal.h"

enum { HEAD_SIZE_MULTIPLE = 8 };

static const double ROPE_BASE_LIMIT = 1e30; ///< keeps the angles' steps normal numbers

binq_status binq_check_heads(binq_model *model, const binq_field_names *names) {
  if (model->head_count % model->kv_head_count != 0)
    return binq_errorf("%s: %lld does not divide the %lld heads", names->kv_head_count,
                       (long long)model->kv_head_count, (long long)model->head_count);
  if (model->head_size == 0 && model->hidden_size % model->head_count != 0)
    return binq_errorf("%s: %lld does not divide the %lld channels", names->head_count,
                       (long long)model->head_count, (long long)model->hidden_size);
  if (model->head_size == 0)
    model->head_size = model->hidden_size / model->head_count;
  if (model->head_size % HEAD_SIZE_MULTIPLE != 0)
    return binq_errorf("%s: heads of %lld channels are not supported, only multiples of %d",
                       names->head_count, (long long)model->head_size, HEAD_SIZE_MULTIPLE);
  return BINQ_OK;
}

binq_status binq_set_norm_epsilon(binq_model *model, const binq_field_names *names,
                                  double epsilon) {
  model->norm_epsilon = (float)epsilon;
  if (!(model->norm_epsilon > 0 && epsilon < 1))
    return binq_errorf("%s: %g is not between 0 and 1", names->norm_epsilon, epsilon);
  return BINQ_OK;
}

binq_status binq_check_rope_base(const binq_model *model, const binq_field_names *names) {
  if (!(model->rope_base >= 1))
    return binq_errorf("%s: %g is less than 1", names->rope_base, model->rope_base);
  if (model->rope_base >= ROPE_BASE_LIMIT)
    return binq_errorf("%s: %g is not below %g", names->rope_base, model->rope_base,
                       ROPE_BASE_LIMIT);
  return BINQ_OK;
}
