set -e
container=$1
inside() { nsenter -t "$container" --net "$@"; }

# The switch, with the host's own address in it: the containers send there what leaves.
ip link add br0 type bridge
ip address add 10.9.0.1/24 dev br0
ip link set br0 up

# The cable: one end in the switch, the other one in the container. Both have to be switched on.
ip link add cable master br0 type veth peer name eth0 netns "$container"
ip link set cable up
inside ip address add 10.9.0.2/24 dev eth0
inside ip link set eth0 up
inside ip route add default via 10.9.0.1

# The host passes on what is not for itself.
echo 1 >/proc/sys/net/ipv4/ip_forward

# One transaction. The world knows no 10.9.0.0/24: what leaves has the host's address. And what
# comes to port 8080 is led to the container, before the host looks where it goes.
nft -f - <<RULES
table ip wires {
  chain out {
    type nat hook postrouting priority srcnat
    oifname "wan" ip saddr 10.9.0.0/24 masquerade
  }
  chain in {
    type nat hook prerouting priority dstnat
    iifname "wan" tcp dport 8080 dnat to 10.9.0.2:80
  }
}
RULES
