# Which blinkers does the process $1 wear?
#
# Print the namespaces that process $1 does not share with this script, one name on each line.
# ls -l /proc/self/ns shows what there is to compare.

echo "nothing is known of process $1 yet"
