# The upper directory takes what is written; the work directory is overlayfs's own, on the same file
# system. In a user namespace its marks are attributes of the user's: userxattr.
mkdir "$2/upper" "$2/work" "$2/merged"

exec unshare -rm sh -c '
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work,userxattr" "$2/merged"
  echo black >"$2/merged/tea"
  rm "$2/merged/secret"
  exec sleep 600
' sh "$1" "$2"
