# interrupt.sh SIGNAL CODE: binqc ends by the signal with that code and leaves nothing behind, nor a process.
set -u
# Whoever runs the tests may ignore signals, as a shell does for what it runs in the background.
env --default-signal=INT,TERM,HUP binqc tiny.gguf -o interrupted/here --verbose 2>progress.txt &
binqc=$!
until grep -q quantizing progress.txt; do
  kill -0 $binqc || exit 1
  sleep 0.05
done
children=$(cat /proc/$binqc/task/*/children)
kill -"$1" $binqc
wait $binqc
code=$?
[ "$code" -eq "$2" ] || { echo "code $code"; exit 1; }
[ ! -e interrupted ] || { find interrupted; exit 1; }
for child in $children; do
  kill -0 "$child" 2>/dev/null && { echo "process $child goes on"; exit 1; }
done
exit 0
