# The kernel shows each namespace as a link to its number. Where the two numbers differ, the
# process sees something of its own.
#
# pid_for_children and time_for_children say where a process's next child will be, not where it
# is itself: they are left out.

for link in /proc/self/ns/*; do
  name=${link##*/}
  case $name in *_for_children) continue ;; esac
  [ "$(readlink "$link")" = "$(readlink "/proc/$1/ns/$name")" ] || echo "$name"
done
