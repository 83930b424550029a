# A counter only grows, so it is read twice; the time between is measured as well, because sleep may
# take longer than it was asked to. /proc/uptime counts hundredths of a second.

field() { awk -v name="$2" '$1 == name { print $2 }' "$1"; }

used() {
  if [ -f "$1/cpuacct.usage" ]; then
    echo $(($(cat "$1/cpuacct.usage") / 1000))
  else
    field "$1/cpu.stat" usage_usec
  fi
}

now() { cut -d ' ' -f 1 /proc/uptime | tr -d .; }

before=$(used "$1") begin=$(now)
sleep 1
after=$(used "$1") end=$(now)

if [ -f "$2/memory.current" ]; then
  usage=$(cat "$2/memory.current") cache=$(field "$2/memory.stat" inactive_file)
else
  usage=$(cat "$2/memory.usage_in_bytes") cache=$(field "$2/memory.stat" total_inactive_file)
fi

# microseconds by hundredths of a second: 10,000 of them would be all of one processor
echo $(((after - before) / (end - begin) / 100)) $(((usage - cache) / 1048576))
