# Below $1 groups have the memory controller, below $2 the pids controller.
#
#   - make a group below $1 with at most 64 MiB of memory
#   - make a group below $2 with at most 10 tasks (with version 2 it is the same group)
#   - move this shell, $$, into both

exec sleep 600
