/**
 * Podman's day: `podman --runtime`.
 *
 * @module
 */

import type { Check, Engine } from "./ground.ts";

/** Runs a container that goes away by itself, with the words of `podman run` and of its program. */
const run = (flags: string, words: string) => `podman run --rm ${flags} box ${words}`;

/** A container of the check's own that sleeps, and what is done with it. */
const during = (name: string, flags: string, script: string) =>
  `podman run -d --name ${name} ${flags} box sleep 100 >/dev/null
${script}
podman rm -f -t 0 ${name} >/dev/null`;

const CHECKS: Check[] = [
  {
    name: "run: output, errors, exit code",
    script: `${run("", "sh -c 'echo out; echo err >&2; exit 3'")}; echo code $?`,
    expected: /^out\nerr\ncode 3\n$|^err\nout\ncode 3\n$/,
  },
  {
    name: "run: a program that is not there is 127, one that may not be executed 126",
    script: `${run("", "nosuch")}; echo code $?; ${run("", "/etc/plain")}; echo code $?`,
    expected: /code 127\n[^]*code 126\n/,
  },
  {
    name: "run -i: standard input",
    script: `echo through | podman run --rm -i box cat`,
    expected: /^through\n$/,
  },
  {
    name: "run -t: a terminal, its size and name",
    script: run("-t", "sh -c 'tty; test -t 0 && test -t 1 && echo terminal'"),
    expected: /\/dev\/pts\/0\r\nterminal\r\n/,
  },
  {
    name: "run -d, logs, wait",
    script: `podman run -d --name logs box sh -c 'echo one; echo two >&2; exit 4' >/dev/null
podman wait logs; podman logs logs; podman rm logs >/dev/null`,
    expected: /^4\n(one\ntwo|two\none)\n$/,
  },
  {
    name: "exec: output, exit code, user, environment, directory",
    script: during(
      "exec",
      "",
      `podman exec -e A=b -u 5:6 -w /tmp exec sh -c 'echo $A; id -u; id -g; pwd; exit 9'; echo code $?`,
    ),
    expected: /^b\n5\n6\n\/tmp\ncode 9\n$/,
  },
  {
    name: "exec -d and exec -t",
    script: during(
      "execs",
      "",
      `podman exec -d execs sh -c 'echo there >/tmp/there'; podman exec -t execs tty
for i in 1 2 3 4 5; do podman exec execs cat /tmp/there && break; sleep 0.2; done`,
    ),
    expected: /\/dev\/pts\/\d+\r\n[^]*there\n$/,
  },
  {
    name: "exec: 127 for a program that is not there",
    script: during("noexec", "", "podman exec noexec nosuch; echo code $?"),
    expected: /code 127\n$/,
  },
  {
    name: "stop: the program is asked, and ends as it likes",
    script:
      `podman run -d --name stop box sh -c 'trap "echo bye; exit 5" TERM; while :; do sleep 0.1; done' >/dev/null
sleep 0.5; podman stop -t 10 stop >/dev/null; podman logs stop; podman inspect -f '{{.State.ExitCode}}' stop; podman rm stop >/dev/null`,
    expected: /^bye\n5\n$/,
  },
  {
    name: "kill: another signal",
    script:
      `podman run -d --name kill box sh -c 'trap "echo usr; exit 6" USR1; while :; do sleep 0.1; done' >/dev/null
sleep 0.5; podman kill -s USR1 kill >/dev/null; podman wait kill; podman logs kill; podman rm kill >/dev/null`,
    expected: /^6\nusr\n$/,
  },
  {
    name: "pause, unpause",
    script: during(
      "pause",
      "",
      `podman pause pause >/dev/null; podman inspect -f '{{.State.Status}}' pause
podman unpause pause >/dev/null; podman inspect -f '{{.State.Status}}' pause`,
    ),
    expected: /^paused\nrunning\n$/,
  },
  {
    name: "stats",
    script: during(
      "stats",
      "",
      "podman stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' stats",
    ),
    expected: /^1 [\d.]+(kB|MB) \//,
  },
  {
    name: "top",
    script: during("top", "", "podman top top pid,comm,user"),
    expected: /1 +sleep +(root|0)/,
  },
  {
    name: "healthcheck",
    script: during(
      "health",
      "--health-cmd 'test -e /tmp/well' --health-interval disable",
      `podman healthcheck run health; echo code $?; podman exec health touch /tmp/well; podman healthcheck run health; echo code $?`,
    ),
    expected: /code 1\n[^]*code 0\n/,
  },
  {
    name: "cp, both ways",
    script: during(
      "cp",
      "",
      `echo copied >$DIRECTORY/file; podman cp $DIRECTORY/file cp:/tmp/file; podman exec cp cat /tmp/file
podman exec cp sh -c 'echo back >/tmp/back'; podman cp cp:/tmp/back - | tar -xO`,
    ),
    expected: /^copied\nback\n$/,
  },
  {
    name: "commit",
    script: during(
      "commit",
      "",
      `podman exec commit sh -c 'echo kept >/kept'; podman commit -q commit committed >/dev/null; podman run --rm committed cat /kept`,
    ),
    expected: /^kept\n$/,
  },
  {
    name: "build: RUN steps",
    script:
      `printf 'FROM box\\nRUN echo built >/built && id -u >>/built\\nRUN test -e /proc/self && echo ok >>/built\\n' >$DIRECTORY/Containerfile
podman build -q --isolation oci --network none -t built -f $DIRECTORY/Containerfile $DIRECTORY/out >/dev/null; podman run --rm built cat /built`,
    expected: /^built\n0\nok\n$/,
  },
  {
    name: "volumes: named, bound, read-only, in memory",
    script: `mkdir -p $DIRECTORY/data; echo mine >$DIRECTORY/data/file
podman run --rm -v named:/named -v $DIRECTORY/data:/data:ro --tmpfs /mem:size=1m box sh -c 'cat /data/file; touch /data/no 2>&1; echo v >/named/v; stat -f -c %T /mem'
podman run --rm -v named:/named box cat /named/v`,
    expected: /^mine\ntouch: .*Read-only file system\ntmpfs\nv\n$/,
  },
  {
    name: "user namespace: --uidmap",
    script: `${
      run(
        "--uidmap 0:100000:1000 --gidmap 0:100000:1000",
        "sh -c 'id -u; cat /proc/self/uid_map; touch /tmp/x && stat -c %u /tmp/x'",
      )
    }`,
    expected: /^0\n +0 +100000 +1000\n0\n$/,
  },
  {
    name: "limits: memory, processes, processors",
    script: run(
      "--memory 64m --pids-limit 33 --cpus 0.5 --cpu-shares 512",
      `sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max 2>/dev/null; cat cpu/cpu.cfs_quota_us cpu.max 2>/dev/null'`,
    ),
    expected: /^67108864\n33\n50000/,
  },
  {
    name: "update: a new limit while it runs",
    script: during(
      "update",
      "--memory 64m",
      `podman update --memory 128m update >/dev/null; podman exec update sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null'`,
    ),
    expected: /^134217728\n$/,
  },
  {
    name: "out of memory: killed",
    script:
      `podman run --name oom --memory 16m box sh -c 'x=a; while :; do x=$x$x; done'; echo code $?; podman rm oom >/dev/null`,
    expected: /code 137\n$/,
  },
  {
    name: "restart policy: on-failure, so many times",
    script: `podman run -d --name again --restart on-failure:2 box sh -c 'echo x; exit 1' >/dev/null
for i in $(seq 20); do [ "$(podman logs again | wc -l)" = 3 ] && break; sleep 0.3; done; podman logs again | wc -l; podman rm -f -t 0 again >/dev/null`,
    expected: /^3\n$/,
  },
  {
    name: "rights: capabilities, no-new-privileges, seccomp, read-only",
    script: run(
      "--cap-drop all --cap-add chown --security-opt no-new-privileges --read-only",
      "sh -c 'grep -E \"CapEff|NoNewPrivs|Seccomp:\" /proc/self/status; touch /x 2>&1'",
    ),
    expected: /CapEff:\t0000000000000001\nNoNewPrivs:\t1\nSeccomp:\t2\ntouch: .*Read-only/,
  },
  {
    name: "an init that reaps: --init",
    script: run("--init", "sh -c 'cat /proc/1/comm'"),
    expected: /^podman-init\n$/,
  },
  {
    name: "a pod: namespaces that are shared",
    script: `podman run -d --name shares --ipc shareable box sleep 100 >/dev/null
for n in net ipc pid; do podman run --rm --net container:shares --ipc container:shares --pid container:shares box readlink /proc/self/ns/$n; podman exec shares readlink /proc/self/ns/$n; done | uniq | wc -l
podman rm -f -t 0 shares >/dev/null`,
    expected: /^3\n$/,
  },
  {
    name: "descriptors that are passed on: --preserve-fds",
    script: `exec 3<<<passed; podman run --rm --preserve-fds 1 box sh -c 'cat <&3'`,
    expected: /^passed\n$/,
  },
  {
    name: "twenty containers at once",
    script: `for i in $(seq 20); do podman run --rm box echo line $i & done | sort | uniq | wc -l`,
    expected: /^20\n$/,
  },
  {
    name: "nothing is left behind",
    script:
      `podman ps -aq | wc -l; find /sys/fs/cgroup -name 'libpod-*' -not -name '*conmon*' | wc -l
ls /run/tiffin-oci /run/runc 2>/dev/null | grep -v : | wc -l; mount | grep -c merged; pgrep -c sleep`,
    expected: /^0\n0\n0\n0\n0\n$/,
  },
];

/** Debian's Podman, as root. */
export const PODMAN: Engine = {
  name: "Podman",
  programs: ["podman", "conmon", "catatonit"],
  setup: `mkdir -p $DIRECTORY/storage
cat >$DIRECTORY/containers.conf <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
cgroupns = "private"
init_path = "/usr/bin/catatonit"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
no_pivot_root = false
END
cat >$DIRECTORY/env <<END
export CONTAINERS_CONF=$DIRECTORY/containers.conf TMPDIR=/run
podman() { command podman --runtime $RUNTIME "\\$@"; }
END
. $DIRECTORY/env
podman load -i $DIRECTORY/box.tar`,
  checks: CHECKS,
};
