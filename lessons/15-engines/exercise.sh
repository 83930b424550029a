# Be a small engine: make a bundle of the image local, and have it started.
#
# $1 is an empty directory, $2 the id of the container. In the end
#
# - $1/box is a bundle: its program is sleep 600, its host name is galley, its root is read-only,
# - the container $2, kept in $1/kept (tiffin oci --root "$1/kept" …), is running,
# - $1/pid holds the process id of its first process,
# - and this script has ended.
#
# The files of the bundle are here already. tiffin oci spec writes a config.json: look at it.

mkdir -p "$1/box/rootfs"
tiffin create --name "files-$2" local true >"$1/log"
tiffin export "files-$2" | tar -xC "$1/box/rootfs"
tiffin rm "files-$2" >>"$1/log"
