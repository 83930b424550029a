# Step 4 comes first, as with an image: what runs behind the pivot has to be in the new root. Each
# program is copied with its loader and its libraries, to the same path.
root=$1
for program in sh umount setpriv sleep; do
  file=$(command -v $program)
  for needed in "$file" $(ldd "$file" | grep -o '/[^ ]*'); do
    mkdir -p "$root${needed%/*}"
    cp -L "$needed" "$root$needed"
  done
done

# Step 2, before there is a process that it could come too late for; limits are inherited.
ulimit -n 64

# Step 1 is unshare itself; -f, because the first process of the PID namespace is its child. Step 3:
# pivot_root wants a mount, /proc is of whoever mounts it, and umount -l takes the old root off.
# Step 5: the bounding set is what execve could ever give back, so it has to be empty as well.
exec unshare -rmupnf sh -c '
  hostname tiffin-7
  mount --bind "$1" "$1"
  cd "$1"
  mkdir proc
  mount -t proc proc proc
  pivot_root . .
  umount -l .
  cd /
  exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all sleep 600
' sh "$root"
