# Start a process that goes on, and that
#
#   - has the host name tiffin-2
#   - is number 1 of its own PID namespace, and has a /proc that shows that namespace
#   - has a network of its own, in which 127.0.0.1 is there
#
# The host keeps its own name. With -r, unshare needs no root.

exec sleep 600
