# With version 1 these are two directories in two trees, with version 2 the second mkdir finds the
# directory there already.
memory=$1/mine
pids=$2/mine
mkdir -p "$memory" "$pids"

# The limits first: a process that comes later is never without them.
if [ -e "$memory/memory.max" ]; then
  echo 64M >"$memory/memory.max"
else
  echo 64M >"$memory/memory.limit_in_bytes"
fi
echo 10 >"$pids/pids.max"

# exec keeps the number, and so the group.
echo $$ >"$memory/cgroup.procs"
echo $$ >"$pids/cgroup.procs"
exec sleep 600
