# Below $1 groups have the memory controller, below $2 the pids controller.
#
#   - make a group with at most 64 MiB of memory and at most 10 tasks
#   - move this shell, $$, into it

exec sleep 600
