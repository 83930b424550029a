/**
 * Docker's day: `dockerd --add-runtime`.
 *
 * @module
 */

import type { Check, Engine } from "./ground.ts";

const run = (flags: string, words: string) => `docker run --rm ${flags} box ${words}`;

/** A container of the check's own that sleeps, and what is done with it. */
const during = (name: string, flags: string, script: string) =>
  `docker run -d --name ${name} ${flags} box sleep 100 >/dev/null
${script}
docker rm -f ${name} >/dev/null`;

/** Waits until a command prints something. */
const until = (command: string, text: string) =>
  `for i in $(seq 50); do [ "$(${command})" = '${text}' ] && break; sleep 0.2; done; ${command}`;

const CHECKS: Check[] = [
  {
    name: "run: output, errors, exit code",
    script: `${run("", "sh -c 'echo out; echo err >&2; exit 3'")}; echo code $?`,
    expected: /^(out\nerr|err\nout)\ncode 3\n$/,
  },
  {
    name: "run: a program that is not there is 127, one that may not be executed 126",
    script: `${run("", "nosuch")}; echo code $?; ${run("", "/etc/plain")}; echo code $?`,
    expected: /code 127\n[^]*code 126\n/,
  },
  {
    name: "run -i: standard input",
    script: `echo through | docker run --rm -i box cat`,
    expected: /^through\n$/,
  },
  {
    name: "run -it: a terminal",
    script:
      `script -qec "docker run --rm -it box sh -c 'tty; test -t 1 && echo terminal'" /dev/null`,
    expected: /\/dev\/(pts\/0|console)\r?\nterminal\r?\n/,
  },
  {
    name: "run -d, logs, wait",
    script: `docker run -d --name logs box sh -c 'echo one; echo two >&2; exit 4' >/dev/null
docker wait logs; docker logs logs; docker rm logs >/dev/null`,
    expected: /^4\n(one\ntwo|two\none)\n$/,
  },
  {
    name: "create, start -a, restart",
    script: `docker create --name again box sh -c 'echo x >>/x; cat /x' >/dev/null
docker start -a again; docker start -a again; docker rm again >/dev/null`,
    expected: /^x\nx\nx\n$/,
  },
  {
    name: "exec: output, exit code, user, environment, directory",
    script: during(
      "exec",
      "",
      `docker exec -e A=b -u 5:6 -w /tmp exec sh -c 'echo $A; id -u; id -g; pwd; exit 9'; echo code $?`,
    ),
    expected: /^b\n5\n6\n\/tmp\ncode 9\n$/,
  },
  {
    name: "exec -d, exec -it",
    script: during(
      "execs",
      "",
      `docker exec -d execs sh -c 'echo there >/tmp/there'; script -qec "docker exec -it execs tty" /dev/null
for i in 1 2 3 4 5; do docker exec execs cat /tmp/there && break; sleep 0.2; done`,
    ),
    expected: /\/dev\/pts\/\d+\r?\n[^]*there\n$/,
  },
  {
    name: "exec: 127 for a program that is not there",
    script: during("noexec", "", "docker exec noexec nosuch; echo code $?"),
    expected: /code 12[67]\n$/,
  },
  {
    name: "stop: the program is asked, and ends as it likes",
    script:
      `docker run -d --name stop box sh -c 'trap "echo bye; exit 5" TERM; while :; do sleep 0.1; done' >/dev/null
sleep 0.5; docker stop -t 10 stop >/dev/null; docker logs stop; docker inspect -f '{{.State.ExitCode}}' stop; docker rm stop >/dev/null`,
    expected: /^bye\n5\n$/,
  },
  {
    name: "stop: one that does not listen is killed",
    script: `docker run -d --name deaf box sleep 100 >/dev/null; docker stop -t 1 deaf >/dev/null
docker inspect -f '{{.State.ExitCode}}' deaf; docker rm deaf >/dev/null`,
    expected: /^137\n$/,
  },
  {
    name: "kill: another signal",
    script:
      `docker run -d --name kill box sh -c 'trap "echo usr; exit 6" USR1; while :; do sleep 0.1; done' >/dev/null
sleep 0.5; docker kill -s USR1 kill >/dev/null; docker wait kill; docker logs kill; docker rm kill >/dev/null`,
    expected: /^6\nusr\n$/,
  },
  {
    name: "pause, unpause",
    script: during(
      "pause",
      "",
      `docker pause pause >/dev/null; docker inspect -f '{{.State.Status}}' pause
docker unpause pause >/dev/null; docker inspect -f '{{.State.Status}}' pause`,
    ),
    expected: /^paused\nrunning\n$/,
  },
  {
    name: "stats",
    script: during(
      "stats",
      "",
      "docker stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' stats",
    ),
    expected: /^1 [\d.]+(KiB|MiB) \//,
  },
  {
    name: "top",
    script: during("top", "", "docker top top -o pid,comm"),
    expected: /\d+ +sleep/,
  },
  {
    name: "update: a new limit while it runs",
    script: during(
      "update",
      "--memory 64m --memory-swap 64m",
      `docker update --memory 128m --memory-swap 128m --pids-limit 44 update >/dev/null
docker exec update sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max 2>/dev/null'`,
    ),
    expected: /^134217728\n44\n$/,
  },
  {
    name: "healthcheck",
    script: during(
      "health",
      "--health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1",
      `${until("docker inspect -f '{{.State.Health.Status}}' health", "unhealthy")}
docker exec health touch /tmp/well
${until("docker inspect -f '{{.State.Health.Status}}' health", "healthy")}`,
    ),
    expected: /^unhealthy\nhealthy\n$/,
  },
  {
    name: "cp, both ways, and diff",
    script: during(
      "cp",
      "",
      `echo copied >$DIRECTORY/file; docker cp $DIRECTORY/file cp:/tmp/file; docker exec cp cat /tmp/file
docker exec cp sh -c 'echo back >/tmp/back'; docker cp cp:/tmp/back - | tar -xO; docker diff cp | grep back`,
    ),
    expected: /copied\nback\nA \/tmp\/back\n$/,
  },
  {
    name: "commit",
    script: during(
      "commit",
      "",
      `docker exec commit sh -c 'echo kept >/kept'; docker commit commit committed >/dev/null; docker run --rm committed cat /kept`,
    ),
    expected: /^kept\n$/,
  },
  {
    name: "build: RUN steps",
    script:
      `mkdir -p $DIRECTORY/build; printf 'FROM box\\nRUN echo built >/built && id -u >>/built\\nRUN test -e /proc/self && echo ok >>/built\\n' >$DIRECTORY/build/Dockerfile
docker build -q --network none -t built $DIRECTORY/build >/dev/null 2>&1; docker run --rm built cat /built`,
    expected: /^built\n0\nok\n$/,
  },
  {
    name: "volumes: named, bound, read-only, in memory",
    script: `mkdir -p $DIRECTORY/data; echo mine >$DIRECTORY/data/file
docker run --rm -v named:/named -v $DIRECTORY/data:/data:ro --tmpfs /mem:size=1m box sh -c 'cat /data/file; touch /data/no 2>&1; echo v >/named/v; stat -f -c %T /mem'
docker run --rm -v named:/named box cat /named/v`,
    expected: /^mine\ntouch: .*Read-only file system\ntmpfs\nv\n$/,
  },
  {
    name: "a network: two containers, by name and address",
    script: `docker network create net >/dev/null
docker run -d --name server --network net box httpd -f -p 80 -h /etc >/dev/null
docker run --rm --network net box wget -qO- http://server/plain
docker rm -f server >/dev/null; docker network rm net >/dev/null`,
    expected: /^no program\n$/,
  },
  {
    name: "limits: memory, processes, processors",
    script: run(
      "--memory 64m --pids-limit 33 --cpus 0.5 --cpu-shares 512",
      `sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max 2>/dev/null; cat cpu/cpu.cfs_quota_us cpu.max 2>/dev/null'`,
    ),
    expected: /67108864\n33\n50000/,
  },
  {
    name: "out of memory: killed, and known to be",
    script:
      `docker run --name oom --memory 16m box sh -c 'x=a; while :; do x=$x$x; done'; echo code $?
docker inspect -f '{{.State.OOMKilled}}' oom; docker rm oom >/dev/null`,
    expected: /code 137\ntrue\n$/,
  },
  {
    name: "restart policies: on-failure so many times, always",
    script: `docker run -d --name again --restart on-failure:2 box sh -c 'echo x; exit 1' >/dev/null
${until("docker logs again | wc -l", "3")}; docker rm -f again >/dev/null
docker run -d --name always --restart always box sh -c 'echo y; sleep 0.2' >/dev/null
for i in $(seq 50); do [ "$(docker logs always | wc -l)" -ge 2 ] && echo more && break; sleep 0.2; done; docker rm -f always >/dev/null`,
    expected: /^3\nmore\n$/,
  },
  {
    name: "rights: capabilities, no-new-privileges, seccomp, read-only, ulimits, sysctls",
    script: run(
      "--cap-drop all --cap-add chown --security-opt no-new-privileges --read-only --ulimit nofile=99:99 --sysctl net.ipv4.ip_forward=0",
      "sh -c 'grep -E \"CapEff|NoNewPrivs|Seccomp:\" /proc/self/status; ulimit -n; cat /proc/sys/net/ipv4/ip_forward; touch /x 2>&1'",
    ),
    expected: /CapEff:\t0000000000000001\nNoNewPrivs:\t1\nSeccomp:\t2\n99\n0\ntouch: .*Read-only/,
  },
  {
    name: "namespaces that are shared: pid, network, ipc",
    script: during(
      "shares",
      "--ipc shareable",
      `for n in net ipc pid; do docker run --rm --network container:shares --ipc container:shares --pid container:shares box readlink /proc/self/ns/$n; docker exec shares readlink /proc/self/ns/$n; done | uniq | wc -l`,
    ),
    expected: /^3\n$/,
  },
  {
    name: "twenty containers at once",
    script:
      `for i in $(seq 20); do docker run --rm --network none box echo line $i & done | sort | uniq | wc -l`,
    expected: /^20\n$/,
  },
  {
    name: "nothing is left behind",
    script: `docker ps -aq | wc -l; find /sys/fs/cgroup -path '*/docker/*' -type d | wc -l
ls /run/docker/runtime-*/moby | grep -v : | wc -l; mount | grep -c merged; pgrep -c sleep; pgrep -c containerd-shim`,
    expected: /^0\n0\n0\n0\n0\n0\n$/,
  },
];

/** Debian's Docker, with a daemon of the session's own. */
export const DOCKER: Engine = {
  name: "Docker",
  programs: ["dockerd", "docker", "containerd", "iptables", "script"],
  setup: `export DOCKER_HOST=unix:///run/docker.sock TMPDIR=/run
echo '{}' >$DIRECTORY/daemon.json
dockerd --config-file $DIRECTORY/daemon.json --host $DOCKER_HOST --storage-driver overlay2 \\
  --exec-opt native.cgroupdriver=cgroupfs --default-ulimit nofile=1024:1024 \\
  --add-runtime tested=$RUNTIME --default-runtime tested >$DIRECTORY/out/daemon 2>&1 &
echo "export DOCKER_HOST=$DOCKER_HOST TMPDIR=/run DOCKER_CONFIG=$DIRECTORY/client DOCKER_BUILDKIT=0" >$DIRECTORY/env
. $DIRECTORY/env
for i in $(seq 150); do docker info >/dev/null 2>&1 && break; sleep 0.2; done
docker load -i $DIRECTORY/box.tar
tail -5 $DIRECTORY/out/daemon`,
  checks: CHECKS,
};
