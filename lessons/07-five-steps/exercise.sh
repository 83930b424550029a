# A container by hand. $1 is an empty directory, which is to be its root.
#
# Start a process sleep that
#
#   1. is number 1 of its own PID namespace, has the host name tiffin-7, a network of its own
#   2. may have 64 open files at the most
#   3. has $1 as its root, and nothing of the host's mounted any more
#   4. runs from there, with everything that it needs
#   5. has no_new_privs, and no capability in its bounding set
#
# With -r, unshare needs no root.

exec sleep 600
