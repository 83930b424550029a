# The handler is what makes SIGTERM reach PID 1 at all. `wait` returns when a signal with a handler
# comes; a shell in the foreground command `sleep 600` would run its handler ten minutes later.
#
# While it waits, a shell asks after whoever ends: also for children that it does not know.

trap 'kill $!; exit 0' TERM
sleep 600 &
wait
