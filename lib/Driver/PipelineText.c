#include "PipelineText.h"

#include <string.h>

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip(text_slice *rest, size_t count) {
  rest->data += count;
  rest->length -= count;
}

static void skip_spaces(text_slice *rest) {
  while (rest->length && is_space(rest->data[0]))
    skip(rest, 1);
}

/// How much of `rest` comes before one of `stops` (or before its end).
static size_t span_until(text_slice rest, const char *stops) {
  size_t length = 0;
  while (length < rest.length && !strchr(stops, rest.data[length]))
    ++length;
  return length;
}

static char closer_of(char c) {
  switch (c) {
  case '(':
    return ')';
  case '{':
    return '}';
  case '[':
    return ']';
  case '\'':
  case '"':
    return c;
  default:
    return '\0';
  }
}

static binq_status unbalanced(char bracket, text_slice text) {
  return binq_errorf("unbalanced %c in '%.*s'", bracket, (int)text.length, text.data);
}

/// `rest` begins with a bracket or a quote: takes what is inside it and moves behind its end.
static binq_status take_enclosed(text_slice *rest, text_slice *inside) {
  enum { DEPTH = 32 };
  char closers[DEPTH];
  size_t depth = 0;
  for (size_t i = 0; i < rest->length; ++i) {
    char c = rest->data[i];
    bool quoted = depth && (closers[depth - 1] == '\'' || closers[depth - 1] == '"');
    if (depth && c == closers[depth - 1]) {
      if (--depth == 0) {
        *inside = (text_slice){rest->data + 1, i - 1};
        skip(rest, i + 1);
        return BINQ_OK;
      }
    } else if (!quoted && closer_of(c)) {
      if (depth == DEPTH)
        return binq_errorf("brackets are nested more than %d deep", DEPTH);
      closers[depth++] = closer_of(c);
    } else if (!quoted && strchr(")}]", c)) {
      return unbalanced(c, *rest);
    }
  }
  return unbalanced(rest->data[0], *rest);
}

static text_slice trimmed(text_slice text) {
  skip_spaces(&text);
  while (text.length && is_space(text.data[text.length - 1]))
    --text.length;
  return text;
}

binq_status binq_next_element(text_slice *rest, pipeline_element *out, bool *found) {
  *out = (pipeline_element){0};
  skip_spaces(rest);
  *found = rest->length > 0;
  if (!*found)
    return BINQ_OK;
  text_slice start = *rest;
  size_t length = span_until(*rest, ",(){}");
  out->name = trimmed((text_slice){rest->data, length});
  skip(rest, length);
  if (rest->length && rest->data[0] == '{')
    BINQ_TRY(take_enclosed(rest, &out->options));
  else if (rest->length && rest->data[0] == '(')
    BINQ_TRY(take_enclosed(rest, &out->nested));
  out->whole = trimmed((text_slice){start.data, start.length - rest->length});
  if (out->name.length == 0 && rest->length && strchr(")}", rest->data[0]))
    return unbalanced(rest->data[0], start);
  if (out->name.length == 0)
    return binq_errorf("the name of a pass is missing before '%.*s'", (int)start.length,
                       start.data);
  skip_spaces(rest);
  if (rest->length == 0)
    return BINQ_OK;
  if (strchr(")}", rest->data[0]))
    return unbalanced(rest->data[0], start);
  if (rest->data[0] != ',')
    return binq_errorf("a comma is missing before '%.*s'", (int)rest->length, rest->data);
  skip(rest, 1);
  skip_spaces(rest);
  if (rest->length == 0)
    return binq_errorf("the name of a pass is missing after the comma in '%.*s'", (int)start.length,
                       start.data);
  return BINQ_OK;
}

binq_status binq_next_option(text_slice *rest, text_slice *name, text_slice *value, bool *found) {
  skip_spaces(rest);
  *found = rest->length > 0;
  *value = (text_slice){0};
  if (!*found)
    return BINQ_OK;
  size_t length = span_until(*rest, "= \t\r\n");
  *name = (text_slice){rest->data, length};
  skip(rest, length);
  if (length == 0)
    return binq_errorf("the name of an option is missing before '%.*s'", (int)rest->length,
                       rest->data);
  if (rest->length == 0 || rest->data[0] != '=')
    return BINQ_OK;
  skip(rest, 1);
  if (rest->length && strchr("'\"{", rest->data[0]))
    return take_enclosed(rest, value);
  length = span_until(*rest, " \t\r\n");
  *value = (text_slice){rest->data, length};
  skip(rest, length);
  return BINQ_OK;
}
