# Print two whole numbers on one line, for a group whose processor time is counted in $1 and whose
# memory in $2:
#
#   - how many percent of a processor it takes, measured for a second
#   - how many MiB it holds, without cache that was not used lately
#
# Version 1: $1/cpuacct.usage (nanoseconds), $2/memory.usage_in_bytes, total_inactive_file in
# $2/memory.stat. Version 2: usage_usec in $1/cpu.stat, $2/memory.current, inactive_file in
# $2/memory.stat.

echo 0 0
