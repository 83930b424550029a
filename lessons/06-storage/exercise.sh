# $1 is a layer, which stays as it is; $2 is an empty directory.
#
#   - in a mount namespace of its own (unshare -rm), mount an overlay at $2/merged, over $1
#   - in there, let the file tea say black, and remove the file secret
#   - become sleep 600
#
# A copy of the layer looks right, but it is one:

cp -R "$1" "$2/merged"
echo black >"$2/merged/tea"
rm "$2/merged/secret"
exec sleep 600
