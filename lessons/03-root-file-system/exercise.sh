# Give a process a root of its own: the directory $1, which is empty.
#
#   - copy what will be needed into it: programs, and what they need (ldd)
#   - in namespaces of its own (unshare -rmpf) make the directory a mount, mount a /proc in it for umount,
#     and pivot_root to it
#   - take the old root off, and become sleep 600

exec unshare -rm chroot / sleep 600
