# refuse.sh PATTERN COMMAND..: the command says nothing but one line, which the pattern matches from end to end, and
# ends with code 1.
pattern=$1
shift
"$@" >refused.out 2>refused.err
code=$?
if [ $code -ne 1 ] || [ -s refused.out ] || [ "$(wc -l <refused.err)" -ne 1 ] || ! grep -Eqx -- "$pattern" refused.err; then
  echo "$*: code $code" >&2
  cat refused.out refused.err >&2
  echo "expected: $pattern" >&2
  exit 1
fi
