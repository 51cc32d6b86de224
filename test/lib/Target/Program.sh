# Program.sh DIRECTORY
# The programs of the tiny models tiny_a and, with separate weights, tiny_c.
set -u
directory=$1
failures=0

fail() {
  echo "Program.sh: $*" >&2
  failures=1
}

# refuses TEXT ARGUMENTS...: exit code 1, nothing written, one line that contains TEXT.
refuses() {
  text=$1
  shift
  "$directory/tiny_a" "$@" >out.txt 2>err.txt
  [ $? -eq 1 ] || fail "$*: did not exit with 1"
  [ ! -s out.txt ] || fail "$*: wrote to the standard output"
  [ "$(wc -l <err.txt)" -eq 1 ] || fail "$*: $(wc -l <err.txt) lines of error"
  grep -qF -- "$text" err.txt || fail "$*: '$(cat err.txt)' lacks '$text'"
}

printf 'some text to measure, long enough for a few windows' >text.txt
refuses "no command"
refuses "unknown command 'write'" write
refuses "an argument is missing" generate
refuses "one argument too many: 'b'" generate a b
refuses "one argument too many: 'b'" bench b
refuses "unknown option '--heat'" generate a --heat 1
refuses "unknown option '--weights'" generate a --weights x
refuses "--temperature needs a value" generate a --temperature
refuses "--temperature takes a number from 0 to" generate a --temperature warm
refuses "--temperature takes a number from 0 to" generate a --temperature nan
refuses "--temperature takes a number from 0 to" generate a --temperature=-1
refuses "--top-p takes a number from 0 to 1" generate a --top-p 2
refuses "--max-tokens takes an integer from 1 to 4096" generate a --max-tokens 0
refuses "--max-tokens takes an integer from 1 to 4096" generate a --max-tokens 99999999999999999999
refuses "--threads takes an integer from 1 to" generate a --threads 0x4
refuses "absent: No such file" perplexity absent
refuses ".: is not a regular file" perplexity .
refuses "/dev/zero: is not a regular file" perplexity /dev/zero
rm -f pipe && mkfifo pipe
refuses "pipe: is not a regular file" perplexity pipe
refuses "text.txt has 51 tokens: 5 windows of 10" perplexity text.txt --window 10 --windows 6
refuses "text.txt has 51 tokens: 0 windows of 1024" perplexity text.txt
refuses "tokens; the model takes 1 to 4096" generate "$(head -c 5000 /dev/zero | tr '\0' a)"

"$directory/tiny_a" --help | grep -q '^Usage: tiny_a COMMAND' || fail "--help"
"$directory/tiny_a" --help | grep -q -- '--weights' && fail "--help names --weights without need"
"$directory/tiny_a" generate --version | grep -q '^tiny_a, compiled by binq [0-9]' || fail "--version"
"$directory/tiny_a" bench --max-tokens 3 | grep -q '^text: 3 tokens, ' || fail "bench"

# The text depends on the prompt and the options, not on the threads.
one=$("$directory/tiny_a" generate hello --threads 1 --max-tokens 30 2>err.txt | od -c)
two=$("$directory/tiny_a" generate --threads=2 --max-tokens=30 -- hello 2>/dev/null | od -c)
other=$("$directory/tiny_a" generate hallo --threads 1 --max-tokens 30 2>/dev/null | od -c)
[ "$one" = "$two" ] || fail "threads change the text"
[ "$one" != "$other" ] || fail "the prompt does not matter"
grep -q '^prompt: 6 tokens, .*; text: [0-9]* tokens, ' err.txt || fail "$(cat err.txt)"
[ "$(iconv -f utf-8 -t utf-8 <<END
$("$directory/tiny_a" generate hello --temperature 90 --seed 3 --max-tokens 200 2>/dev/null)
END
)" ] || fail "not UTF-8"

# Perplexity, computed once more: the tokens of a text are those of its bytes.
last=$("$directory/tiny_a" perplexity text.txt --window 10 --windows 3 | tail -n 1)
expected=$(od -An -v -t u1 text.txt | tr -s ' ' '\n' | grep . | head -n 30 | awk '
  { x[NR - 1] = 3 + $1 * 5 % 256 }
  END {
    for (w = 0; w < 3; w++) {
      state = 5
      for (p = 0; p < 9; p++) {
        state += x[10 * w + p] * (p + 1)
        sum = 0
        for (v = 0; v < 259; v++) {
          l[v] = v < 258 ? (7 * state + 13 * v) % 97 : cos(p)
          sum += exp(l[v])
        }
        total += log(sum) - l[x[10 * w + p + 1]]
      }
    }
    printf "perplexity %.4g", exp(total / 27)
  }')
[ "perplexity $(echo "$last" | awk '{ printf "%.4g", $2 }')" = "$expected" ] || fail "'$last' is not '$expected'"

# Logits: of each window its tokens, then a row after every token, whatever the threads.
"$directory/tiny_a" logits text.txt --window 10 --windows 3 >logits.bin || fail "logits"
[ "$(wc -c <logits.bin)" -eq $((3 * (10 + 10 * 259) * 4)) ] || fail "$(wc -c <logits.bin) bytes of logits"
"$directory/tiny_a" logits text.txt --window=10 --windows=3 --threads 3 | cmp - logits.bin || fail "threads change logits"
for window in 0 1 2; do
  at=$((window * (10 + 10 * 259) * 4))
  od -An -v -t d4 -j $at -N 40 logits.bin | tr -s ' ' '\n' | grep . >tokens.txt
  od -An -v -t f4 -j $((at + 40)) -N $((10 * 259 * 4)) logits.bin | tr -s ' ' '\n' | grep . >rows.txt
  od -An -v -t u1 -j $((10 * window)) -N 10 text.txt | tr -s ' ' '\n' | grep . | awk '{ print 3 + $1 * 5 % 256 }' |
    cmp - tokens.txt || fail "tokens of window $window"
  awk 'NR == FNR { x[NR - 1] = $1; next }
    { p = int((FNR - 1) / 259); v = (FNR - 1) % 259 }
    v == 0 { state = p ? state + x[p] * (p + 1) : 5 + x[0] }
    { l = v < 258 ? (7 * state + 13 * v) % 97 : cos(p) }
    l - $1 > 1e-6 || $1 - l > 1e-6 { wrong++ }
    END { exit wrong > 0 || FNR != 2590 }' tokens.txt rows.txt || fail "logits of window $window"
done
"$directory/tiny_a" logits text.txt --window 10 2>err.txt >/dev/full
[ $? -eq 1 ] || fail "a full disk went unnoticed by logits"
grep -q 'cannot write' err.txt || fail "a full disk, logits: $(cat err.txt)"
refuses "text.txt has 51 tokens: 0 windows of 1024" logits text.txt

"$directory/tiny_a" generate hello --max-tokens 30 2>err.txt >/dev/full
[ $? -eq 1 ] || fail "a full disk went unnoticed"
grep -q 'cannot write' err.txt || fail "a full disk: $(cat err.txt)"
"$directory/tiny_a" --help 2>err.txt >/dev/full && fail "a full disk went unnoticed by --help"

# Separate weights are beside the program, or where --weights says.
"$directory/tiny_c" --help | grep -q -- '--weights' || fail "--help does not name --weights"
"$directory/tiny_c" bench >/dev/null || fail "weights beside the program"
rm -rf alone && mkdir alone && cp "$directory/tiny_c" alone
alone/tiny_c bench >out.txt 2>err.txt && fail "no weights needed"
grep -q 'alone/tiny_c.weights: the weights file cannot be read' err.txt || fail "$(cat err.txt)"
alone/tiny_c bench --weights "$directory/tiny_c.weights" >/dev/null || fail "--weights"
alone/tiny_c bench --weights alone/tiny_c 2>&1 | grep -q 'does not hold the weights' || fail "wrong weights"
exit $failures
