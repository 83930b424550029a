# One unshare makes all of them. What has to be set is set inside: the names and the interface
# belong to the new namespaces.
#
# --fork, because unshare itself stays in the PID namespace that it was in: its next child is the
# first of the new one. --mount-proc, because a /proc shows the namespace of whoever mounted it; it
# makes a mount namespace as well. exec, so that sleep itself is number 1.

exec unshare --map-root-user --uts --pid --fork --mount-proc --net sh -c '
  hostname tiffin-2
  ip link set lo up
  exec sleep 600
'
