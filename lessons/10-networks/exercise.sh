# $1 is the process number of a container in an empty network namespace. A web server waits in it
# on port 80. This script runs on the host: `wan` (192.0.2.1) leads to the world (192.0.2.2).
#
#   - give the container the address 10.9.0.2/24, on a cable that leads into a bridge
#   - let it reach the world
#   - let the world reach its web server at the host's port 8080
#
# nsenter -t "$1" --net COMMAND runs a command in the container's network.

ip -brief link
