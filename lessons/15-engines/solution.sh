# What an engine does: files from an image, a config.json from what the user wishes, and then the
# two commands. Between them an engine has the time to connect networks and to tell others who the
# first process is: that is why they are two.

mkdir -p "$1/box/rootfs"
tiffin create --name "files-$2" local true >"$1/log"
tiffin export "files-$2" | tar -xC "$1/box/rootfs"
tiffin rm "files-$2" >>"$1/log"

# an ordinary user is root in there, and nobody else
[ "$(id -u)" = 0 ] || rootless=--rootless
tiffin oci spec ${rootless:-} --bundle "$1/box" >>"$1/log"

# without a terminal: there is nobody to whom create could send it
sed -i -e 's/"terminal": true/"terminal": false/' \
  -e 's/"hostname": "[^"]*"/"hostname": "galley"/' \
  -e 's/"readonly": false/"readonly": true/' \
  -e '/"args"/,/]/ s/"sh"/"sleep", "600"/' "$1/box/config.json"

tiffin oci --root "$1/kept" create --bundle "$1/box" --pid-file "$1/pid" "$2"
tiffin oci --root "$1/kept" start "$2"
