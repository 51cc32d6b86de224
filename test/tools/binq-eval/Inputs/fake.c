/* A program that is called like that of a compiled model. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (HOW == 0) {
    fprintf(stderr, "a line\nabout to die\n");
    abort();
  }
  if (HOW == 2) {
    for (int i = 0; i < 100000; i++)
      fwrite("noise", 1, 5, stdout);
    return 0;
  }
  if (HOW == 3) { /* what the real one writes, and more */
    char command[4096];
    snprintf(command, sizeof command, "out/tiny logits %s %s %s -- %s; echo more", argv[2], argv[3],
             argv[4], argv[argc - 1]);
    return system(command);
  }
  return 0;
}
