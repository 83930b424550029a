# -u alone would empty what is permitted, but not the bounding set, from which a file could give
# capabilities back; --cap-drop ALL empties that. A read-only root and a tmpfs: what is written there
# is gone with the container, and cannot be run, since a tmpfs is mounted noexec. A limit on processes
# ends a fork bomb where it begins.

exec tiffin run --network none \
  --user 1000 --cap-drop ALL \
  --read-only --tmpfs /tmp \
  --pids-limit 20 \
  local "$@"
