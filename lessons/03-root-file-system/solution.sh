# What runs after the pivot has to be in the new root: sh, which goes on with the script, umount and
# sleep. Each is copied with its loader and its libraries, to the same path.

root=$1
for program in sh umount sleep; do
  file=$(command -v $program)
  for needed in "$file" $(ldd "$file" | grep -o '/[^ ]*'); do
    mkdir -p "$root${needed%/*}"
    cp -L "$needed" "$root$needed"
  done
done

# unshare makes the mounts private by itself. umount reads /proc, so there is one, and as a /proc shows
# the PID namespace of whoever mounts it, that is a new one as well. pivot_root(".", ".") puts the old root on top of the
# new one, and umount -l takes that top off, although everybody else still uses it.
exec unshare -rmpf sh -c '
  mount --bind "$1" "$1"
  cd "$1"
  mkdir proc
  mount -t proc proc proc
  pivot_root . .
  umount -l .
  cd /
  exec sleep 600
' sh "$root"
