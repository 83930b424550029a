/**
 * What a container has of the host: its namespaces, its environment, its open files.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertNotEquals } from "@std/assert/not-equals";
import { readIdentity } from "../../runtime/records.ts";
import { isRoot, needs } from "../helpers/needs.ts";
import { anyUser, host, localBox, tiffin } from "./box.ts";

const box = localBox();

/** The container's namespaces by their names in /proc/PID/ns, as `type:[inode]`. */
async function namespaces(...flags: string[]): Promise<Record<string, string>> {
  const links = ["mnt", "pid", "uts", "ipc", "net", "cgroup", "user"];
  const text = await box.text(`cd /proc/self/ns; readlink ${links.join(" ")}`, ...flags);
  const lines = text.trim().split("\n");
  return Object.fromEntries(links.map((link, i) => [link, lines[i]]));
}

/** Which of the container's namespaces are this process's own. */
async function shared(...flags: string[]): Promise<string[]> {
  const inside = await namespaces(...flags);
  return Object.keys(inside)
    .filter((type) => inside[type] === Deno.readLinkSync(`/proc/self/ns/${type}`));
}

Deno.test({
  ...needs("every namespace is the container's own, unless a flag shares the host's", anyUser),
  async fn() {
    const user = isRoot ? ["user"] : [];
    assertEquals(await shared(), user);
    assertEquals(await shared("--network=host"), ["net", ...user]);
    assertEquals(await shared("--pid=host"), ["pid", ...user]);
    if (isRoot || exists("/dev/mqueue")) {
      assertEquals(await shared("--ipc=host"), ["ipc", ...user]);
    }
    assertEquals(await shared("--uts=host"), ["uts", ...user]);
    assertEquals(await shared("--cgroupns=host"), ["cgroup", ...user]);
  },
});

Deno.test({
  ...needs("two containers share no namespace, and one can join another's", { root: true }),
  async fn() {
    const script = "echo $$; ip link set lo mtu 1234; echo ready; read line";
    const words = ["--cap-add=NET_ADMIN", "local", "sh", "-c", script];
    await using other = box.start(words);
    await other.hear(/ready/);
    const [name] = [...Deno.readDirSync(`${box.path}/containers`)];
    const { pid } = readIdentity(`${box.path}/containers/${name.name}/process`)!;
    const mtu = "cat /sys/class/net/lo/mtu";
    assertNotEquals((await box.text(mtu)).trim(), "1234");
    assertEquals((await box.text(mtu, `--network=ns:/proc/${pid}/ns/net`)).trim(), "1234");
    assertEquals(
      (await namespaces(`--ipc=ns:/proc/${pid}/ns/ipc`)).ipc,
      await Deno.readLink(`/proc/${pid}/ns/ipc`),
    );
  },
});

Deno.test({
  ...needs("without a network there is only lo, and it is up; nobody outside is reached", anyUser),
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const connect = `bash -c ': </dev/tcp/127.0.0.1/${port}' 2>/dev/null && echo reached`;
    const script = `ls /sys/class/net; ip -4 -br addr show; ${connect}`;
    const inside = await box.sh(script);
    assertMatch(inside.stdout, /^lo\nlo +\S+ +127\.0\.0\.1\/8 *\n$/);
    const sharing = await box.sh(`${connect}; ls /sys/class/net`, "--network=host");
    const devices = [...Deno.readDirSync("/sys/class/net")].map(({ name }) => name).sort();
    assertEquals(sharing.stdout.trim().split("\n"), ["reached", ...devices]);
  },
});

Deno.test({
  ...needs("with the host's network, names are the host's", anyUser),
  async fn() {
    const text = await box.text("hostname; cat /etc/hosts", "--network=host");
    assertEquals(text, `${Deno.hostname()}\n${await Deno.readTextFile("/etc/hosts")}`);
  },
});

Deno.test({
  ...needs("--hostname names the container, and only it", anyUser),
  async fn() {
    const before = Deno.hostname();
    assertEquals(await box.text("hostname; cat /etc/hostname", "--hostname=box"), "box\nbox\n");
    assertEquals(Deno.hostname(), before);
  },
});

Deno.test({
  ...needs("a container sees its own processes, and with --pid host all", anyUser),
  async fn() {
    assertEquals(
      await box.text('seen=$(ps -e -o pid=); echo "$seen" | wc -l; ps -o ppid= -p 1'),
      "2\n      0\n",
    );
    const all = await box.text(`test -d /proc/${Deno.pid} && echo there`, "--pid=host");
    assertEquals(all, "there\n");
  },
});

Deno.test({
  ...needs("what is still there when PID 1 ends is ended, with --pid host too", { root: true }),
  async fn() {
    for (const flags of [[], ["--pid=host"]]) {
      const script = "setsid sleep 71.25 & setsid sleep 71.25 & sleep 0.1; exit 5";
      assertEquals((await box.sh(script, ...flags)).code, 5);
      const { code } = await new Deno.Command("pgrep", { args: ["-f", "sleep 71.25"] }).output();
      assertEquals(code, 1, `${flags}: a sleep has outlived its container`);
    }
  },
});

Deno.test({
  ...needs(
    "the environment is the image's, three variables of Docker's, and what is given",
    anyUser,
  ),
  async fn() {
    const env = async (...flags: string[]) => {
      const words = ["--hostname=box", ...flags, "local", "env"];
      const { stdout, stderr } = await box.run(words, { env: { SECRET: "1", PASSED: "a b" } });
      assertEquals(stderr, "");
      return stdout.trim().split("\n");
    };
    const usual = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOSTNAME=box",
      "HOME=/root",
    ];
    assertEquals((await env()).sort(), usual.toSorted());
    const given = await env("-e", "A=1", "--env=B=", "-e", "PASSED", "-e", "ABSENT", "-e", "A=2");
    assertEquals(given.sort(), [...usual, "A=2", "B=", "PASSED=a b"].sort());
    assertEquals((await env("-e", "PATH=/bin", "-e", "HOME=/x")).sort(), [
      "HOME=/x",
      "HOSTNAME=box",
      "PATH=/bin",
    ]);
    const other = await env("--user=1000");
    assert(other.includes("HOME=/"), other.join());
  },
});

Deno.test({
  ...needs("no descriptor above 2 comes along", anyUser),
  async fn() {
    const script = `exec 5</etc/passwd 9<>/dev/null 200</; TIFFIN_ROOT=${box.path} "$0" "$@"`;
    const words = tiffin("run", "local", "sh", "-c", "ls /proc/1/fd; ls /proc/self/fd; true");
    // the second list's 3 is ls's own
    assertEquals(await host("bash", "-c", script, ...words), "0\n1\n2\n0\n1\n2\n3\n");
  },
});

Deno.test({
  ...needs("no signal comes along ignored or blocked", anyUser),
  async fn() {
    const script = `trap '' PIPE TERM INT USR1; TIFFIN_ROOT=${box.path} "$0" "$@"`;
    const words = tiffin("run", "local", "cat", "/proc/self/status");
    const status = await host("bash", "-c", script, ...words);
    for (const set of ["SigIgn", "SigBlk", "SigPnd", "SigCgt"]) {
      // 32 and 33 are glibc's own: where this test's parent was started with them ignored, it
      // cannot be told otherwise, and whoever uses them sets them
      const signals = BigInt(`0x${new RegExp(`^${set}:\\s*(\\S+)`, "m").exec(status)![1]}`);
      assertEquals(signals & ~(3n << 31n), 0n, set);
    }
  },
});

Deno.test({
  ...needs("the program starts in --workdir, which is made where it is missing", anyUser),
  async fn() {
    const script = "pwd; stat -c '%u %a' .";
    assertEquals(await box.text(script), "/\n0 755\n");
    assertEquals(await box.text(script, "-w", "/a/b/c"), "/a/b/c\n0 755\n");
    assertEquals(await box.text("umask; pwd", "--workdir=/tmp"), "0022\n/tmp\n");
  },
});

Deno.test({
  ...needs("the container's session is its own", anyUser),
  async fn() {
    const ids = await box.text("ps -o sid=,pgid=,tty= -p 1");
    assertEquals(ids.trim().split(/\s+/), ["1", "1", "?"]);
  },
});

Deno.test({
  ...needs("a session keyring of the caller's is not the container's", {
    ...anyUser,
    programs: ["keyctl"],
  }),
  async fn() {
    const words = tiffin(
      "run",
      "--security-opt=seccomp=unconfined",
      "--volume=/usr:/usr:ro",
      "local",
      "keyctl",
      "show",
      "@s",
    );
    const script = `keyctl add user tiffin-test secret @s >/dev/null; TIFFIN_ROOT=${box.path} ` +
      `"$@"; echo; keyctl show @s`;
    const keys = await host("keyctl", "session", "-", "bash", "-c", script, "bash", ...words);
    const [inside, outside] = keys.split("\n\n");
    assertMatch(inside, /keyring: _ses/);
    assertEquals(inside.includes("tiffin-test"), false, inside);
    assertStringIncludes(outside, "user: tiffin-test");
  },
});

Deno.test({
  ...needs("--init reaps what others have left, and passes signals and the exit code on", {
    ...anyUser,
    programs: ["catatonit"],
  }),
  async fn() {
    const { code, stderr } = await box.sh("exit 9", "--init");
    assertEquals(code, 9, stderr);
    // the orphan's parent becomes PID 1, and only a zombie would be left to be seen
    const script = "(sleep 0.05 &); sleep 0.2; echo $$; seen=$(ps -e -o comm=); echo $seen";
    const [pid, seen] = (await box.text(script, "--init")).split("\n");
    assertEquals([pid, seen.split(" ").sort()], ["2", ["ps", "sh", "tiffin-init"]]);
  },
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}
