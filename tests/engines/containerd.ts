/**
 * containerd's day: `ctr run --runc-binary`.
 *
 * @module
 */

import type { Check, Engine } from "./ground.ts";

/** A container of the check's own that sleeps, and what is done with it. */
const during = (name: string, flags: string, script: string) =>
  `ctr run -d ${flags} docker.io/library/box:latest ${name} sleep 100
${script}
ctr task kill -s KILL ${name} >/dev/null 2>&1; for i in $(seq 50); do ctr task rm ${name} >/dev/null 2>&1 && break; sleep 0.1; done
ctr container rm ${name}`;

const run = (flags: string, words: string) =>
  `ctr run --rm ${flags} docker.io/library/box:latest once ${words}`;

const CHECKS: Check[] = [
  {
    name: "run: output, exit code",
    script: `${run("", "sh -c 'echo out; exit 3'")}; echo code $?`,
    expected: /^out\ncode 3\n$/,
  },
  {
    name: "run: a program that is not there",
    script: `${run("", "nosuch")} 2>&1 | grep -cE 'no such file|not found'`,
    expected: /^1\n$/,
  },
  {
    name: "run --tty: a terminal",
    script: `script -qec "ctr run --rm --tty docker.io/library/box:latest once tty" /dev/null`,
    expected: /\/dev\/pts\/0\s/,
  },
  {
    name: "task exec: output, exit code, user",
    script: during(
      "exec",
      "",
      "ctr task exec --user 5:6 --exec-id e exec sh -c 'echo in; id -u; exit 9'; echo code $?",
    ),
    expected: /^in\n5\ncode 9\n$/,
  },
  {
    name: "task exec --tty",
    script: during(
      "execs",
      "",
      `script -qec "ctr task exec --tty --exec-id e execs tty" /dev/null`,
    ),
    expected: /\/dev\/pts\/\d+\s/,
  },
  {
    name: "task pause, resume",
    script: during(
      "pause",
      "",
      "ctr task pause pause; ctr task ls | grep pause; ctr task resume pause; ctr task ls | grep pause",
    ),
    expected: /PAUSED\n[^]*RUNNING\n/,
  },
  {
    name: "task ps",
    script: during("ps", "", "ctr task exec -d --exec-id e ps sleep 50; ctr task ps ps | wc -l"),
    expected: /^3\n$/,
  },
  {
    name: "task metrics",
    script: during("metrics", "", "ctr task metrics metrics"),
    expected: /memory\.?usage_in_bytes +\d{4,}|memory\.usage +\d{4,}|pids\.current/,
  },
  {
    name: "task kill: a signal",
    script:
      `ctr run -d docker.io/library/box:latest kill sh -c 'trap "exit 6" USR1; while :; do sleep 0.1; done'
sleep 0.5; ctr task kill -s USR1 kill; for i in $(seq 50); do ctr task ls | grep -q 'kill.*STOPPED' && break; sleep 0.1; done
ctr task rm kill; echo code $?; ctr container rm kill`,
    expected: /exit code 6/,
  },
  {
    name: "mounts, environment, directory",
    script: `echo mine >$DIRECTORY/file
${
      run(
        "--mount type=bind,src=$DIRECTORY/file,dst=/file,options=rbind:ro --env A=b --cwd /tmp",
        "sh -c 'cat /file; echo $A; pwd; touch /file 2>&1'",
      )
    }`,
    expected: /^mine\nb\n\/tmp\ntouch: /,
  },
  {
    name: "limits: memory",
    script: during(
      "limit",
      "--memory-limit 67108864",
      "cat /sys/fs/cgroup/memory/default/limit/memory.limit_in_bytes /sys/fs/cgroup/default/limit/memory.max 2>/dev/null",
    ),
    expected: /67108864\n/,
  },
  {
    name: "out of memory: killed",
    script: `${
      run("--memory-limit 16777216", "sh -c 'x=a; while :; do x=$x$x; done'")
    }; echo code $?`,
    expected: /code 137\n/,
  },
  {
    name: "rights: seccomp, no-new-privileges, capabilities",
    script: run(
      "--seccomp --cap-drop CAP_CHOWN --read-only",
      "sh -c 'grep -E \"NoNewPrivs|Seccomp:\" /proc/self/status; touch /x 2>&1'",
    ),
    expected: /NoNewPrivs:\t1\nSeccomp:\t2\ntouch: /,
  },
  {
    name: "user namespace",
    script: run(
      "--uidmap 0:100000:1000 --gidmap 0:100000:1000",
      "sh -c 'id -u; cat /proc/self/uid_map'",
    ),
    expected: /^0\n +0 +100000 +1000\n/,
  },
  {
    name: "the host's network",
    script: `${run("--net-host", "readlink /proc/self/ns/net")}; readlink /proc/self/ns/net`,
    expected: /^(net:\[\d+\])\n\1\n$/,
  },
  {
    name: "twenty containers at once",
    script:
      `for i in $(seq 20); do ctr run --rm docker.io/library/box:latest many$i echo line $i & done | sort | uniq | wc -l`,
    expected: /^20\n$/,
  },
  {
    name: "nothing is left behind",
    script: `ctr container ls -q | wc -l; find /sys/fs/cgroup -path '*/default/*' -type d | wc -l
ls /run/containerd/runc/default 2>/dev/null | wc -l; pgrep -c sleep; pgrep -c containerd-shim`,
    expected: /^0\n0\n0\n0\n0\n$/,
  },
];

/** Debian's containerd, by its own client. */
export const CONTAINERD: Engine = {
  name: "containerd",
  programs: ["containerd", "ctr", "containerd-shim-runc-v2", "script"],
  setup: `mkdir -p $DIRECTORY/containerd
cat >$DIRECTORY/config.toml <<END
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
END
containerd --config $DIRECTORY/config.toml >$DIRECTORY/out/daemon 2>&1 &
cat >$DIRECTORY/env <<END
export TMPDIR=/run
ctr() {
  case "\\$1 \\$2" in
  "run "*) shift; command ctr run --runc-binary $RUNTIME "\\$@" ;;
  *) command ctr "\\$@" ;;
  esac
}
export -f ctr
END
. $DIRECTORY/env
for i in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
ctr images import $DIRECTORY/box.tar`,
  checks: CHECKS,
};
