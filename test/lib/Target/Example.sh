# Example.sh GENERATE.c DIRECTORY
# The example in C and in C++, strictly, against a model of its name.
set -eu
flags="-Wall -Wextra -Werror -pedantic -I$2"
libraries="$2/libsmollm2.a -lm -lpthread"
${CC:-cc} -std=c11 $flags "$1" $libraries -o example_c
${CC:-cc} -x c++ -std=c++11 $flags "$1" -x none $libraries -o example_cpp
./example_c 'A prompt' >c.txt
./example_cpp 'A prompt' >cpp.txt
[ "$(wc -c <c.txt)" -gt 20 ]
cmp c.txt cpp.txt
[ "$(wc -l <"$1")" -lt 60 ]
