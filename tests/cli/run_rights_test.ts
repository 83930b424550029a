/**
 * What a container may do: its users, capabilities, system calls, devices and limits.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { isRoot, needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { capabilityMask, DEFAULT_CAPABILITIES } from "../../runtime/capabilities.ts";
import { anyUser, localBox } from "./box.ts";

const box = localBox();

/** Fields of /proc/self/status, proc(5), of a program in a container. */
async function status(...flags: string[]): Promise<Record<string, string>> {
  const { stdout, stderr } = await box.run([...flags, "local", "cat", "/proc/self/status"]);
  assert(stdout, stderr);
  return Object.fromEntries(stdout.trim().split("\n").map((line) => line.split(/:\s*/)));
}

function mask(...names: string[]): string {
  return capabilityMask(names.map((name) => `CAP_${name}`)).toString(16).padStart(16, "0");
}

Deno.test({
  ...needs("root inside is user 0, and no group of the host's comes along", anyUser),
  async fn() {
    assertEquals(await box.text("id"), "uid=0(root) gid=0(root) groups=0(root)\n");
  },
});

Deno.test({
  ...needs("--user takes names and numbers, and the image knows the names", anyUser),
  async fn() {
    const id = async (...flags: string[]) => (await box.text("id", ...flags)).trim();
    assertEquals(await id("--user=daemon"), "uid=1(daemon) gid=1(daemon) groups=1(daemon)");
    assertEquals(await id("--user=1000:1001"), "uid=1000 gid=1001 groups=1001");
    assertEquals(await id("-u", "1000:tty"), "uid=1000 gid=5(tty) groups=5(tty)");
    assertEquals(await id("-u", "7"), "uid=7 gid=0(root) groups=0(root)");
    const groups = await id("--user=daemon", "--group-add=tty", "--group-add=77");
    assertEquals(groups, "uid=1(daemon) gid=1(daemon) groups=1(daemon),5(tty),77");
    const { code, stderr } = await box.sh("true", "--user=nosuch");
    assertEquals(code, 125);
    assertStringIncludes(stderr, "nosuch");
  },
});

Deno.test({
  ...needs("another user writes only what is its own", anyUser),
  async fn() {
    const script = "touch /tmp/mine && stat -c '%u:%g %a' /tmp/mine; touch /etc/mine; cat /root/x";
    const { stdout, stderr } = await box.sh(script, "--user=1000:1000");
    assertEquals(stdout, "1000:1000 644\n");
    assertMatch(stderr, /\/etc\/mine.*Permission denied\n.*\/root\/x: Permission denied/);
  },
});

Deno.test({
  ...needs(
    "a container has Docker's fourteen capabilities, and what the flags make of them",
    anyUser,
  ),
  async fn() {
    const sets = async (...flags: string[]) => {
      const { CapInh, CapPrm, CapEff, CapBnd, CapAmb } = await status(...flags);
      assertEquals([CapInh, CapAmb], [mask(), mask()]);
      assertEquals(CapPrm, CapEff);
      return [CapEff, CapBnd];
    };
    const fourteen = DEFAULT_CAPABILITIES.map((name) => name.slice(4));
    assertEquals(await sets(), [mask(...fourteen), mask(...fourteen)]);
    const without = fourteen.filter((name) => name !== "CHOWN" && name !== "MKNOD");
    assertEquals(await sets("--cap-drop=chown", "--cap-drop=CAP_MKNOD"), [
      mask(...without),
      mask(...without),
    ]);
    assertEquals(await sets("--cap-drop=ALL"), [mask(), mask()]);
    const one = ["--cap-drop=ALL", "--cap-add=NET_ADMIN"];
    assertEquals(await sets(...one), [mask("NET_ADMIN"), mask("NET_ADMIN")]);
    // execve(2) leaves another user nothing, but a setuid program could have it
    assertEquals(await sets(...one, "--user=1000"), [mask(), mask("NET_ADMIN")]);
  },
});

Deno.test({
  ...needs("a dropped capability is missed, and an added one works", anyUser),
  async fn() {
    const dropped = await box.sh("chown 1:1 /tmp", "--cap-drop=CHOWN");
    assertStringIncludes(dropped.stderr, "Operation not permitted");
    assertEquals((await box.sh("chown 1:1 /tmp")).code, 0);
    const set = "ip link set lo mtu 1400";
    assertStringIncludes((await box.sh(set)).stderr, "Operation not permitted");
    assertEquals(await box.text(`${set} && echo ok`, "--cap-add=NET_ADMIN"), "ok\n");
  },
});

Deno.test({
  ...needs("a setuid program gains nothing, unless no_new_privs is off", anyUser),
  async fn() {
    const script = "cp /usr/bin/id /tmp/id; chmod 4755 /tmp/id; " +
      "setpriv --reuid=5 --regid=5 --clear-groups /tmp/id -u; grep NoNewPrivs /proc/self/status";
    assertEquals(await box.text(script), "5\nNoNewPrivs:\t1\n");
    const off = await box.text(script, "--security-opt=no-new-privileges=false");
    assertEquals(off, "0\nNoNewPrivs:\t0\n");
  },
});

Deno.test({
  ...needs("Docker's filter of system calls is on, and can be replaced or left away", {
    ...anyUser,
    libraries: ["libseccomp.so.2"],
  }),
  async fn() {
    await using root = await tempRoot();
    const profile = `${root.path}/profile.json`;
    const script = "grep Seccomp: /proc/self/status; unshare -U true && echo unshared; " +
      "mkdir /made && echo made";
    const own = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
    };
    await Deno.writeTextFile(profile, JSON.stringify(own));
    const filtered = await box.sh(script);
    assertEquals(filtered.stdout, "Seccomp:\t2\nmade\n");
    assertStringIncludes(filtered.stderr, "unshare failed: Operation not permitted");
    const unconfined = await box.sh(script, "--security-opt=seccomp=unconfined");
    assertEquals(unconfined.stdout, "Seccomp:\t0\nunshared\nmade\n");
    const replaced = await box.sh(script, `--security-opt=seccomp=${profile}`);
    assertEquals(replaced.stdout, "Seccomp:\t2\nunshared\n");
    assertStringIncludes(replaced.stderr, "Function not implemented");
  },
});

Deno.test({
  ...needs("a profile that is none is refused by its name", anyUser),
  async fn() {
    await using root = await tempRoot();
    const profile = `${root.path}/profile.json`;
    const texts = {
      '{"defaultAction":': /profile\.json: .*JSON/,
      '{"defaultAction": "x"}': /defaultAction.*"x"/,
    };
    for (const [text, complaint] of Object.entries(texts)) {
      await Deno.writeTextFile(profile, text);
      const { code, stderr } = await box.sh("true", `--security-opt=seccomp=${profile}`);
      assertEquals(code, 125);
      assertMatch(stderr, complaint);
      assertEquals(stderr.includes("mistake in Tiffin"), false, stderr);
    }
  },
});

Deno.test({
  ...needs("mounting is refused by rights, and by the filter without them", anyUser),
  async fn() {
    const script = "mount -t tmpfs t /mnt && echo mounted; umount /proc && echo unmounted";
    assertEquals((await box.sh(script)).stdout, "");
    assertEquals((await box.sh(script, "--security-opt=seccomp=unconfined")).stdout, "");
    const capable = await box.sh("mount -t tmpfs t /mnt && echo mounted", "--cap-add=SYS_ADMIN");
    assertEquals(capable.stdout, "mounted\n");
  },
});

Deno.test({
  ...needs("the six devices work, and a node made of another one does not open", {
    root: true,
    files: ["/dev/fuse"],
  }),
  async fn() {
    const devices = "echo x >/dev/null; head -c 2 /dev/zero | od -An -tx1; " +
      "head -c 9 /dev/urandom | wc -c; { cat /etc/passwd >/dev/full; } 2>&1 | grep -o 'No space.*'";
    assertEquals(await box.text(devices), " 00 00\n9\nNo space left on device\n");
    const made = await box.sh("mknod /tmp/fuse c 10 229 && : <>/tmp/fuse");
    assert(made.code !== 0);
    assertStringIncludes(made.stderr, "/tmp/fuse: Operation not permitted");
    const given = await box.sh("stat -c %t,%T /dev/f; : <>/dev/f", "--device=/dev/fuse:/dev/f");
    assertEquals(given, { code: 0, stdout: "a,e5\n", stderr: "" });
    const toRead = await box.sh(": </dev/f; : >/dev/f", "--device=/dev/fuse:/dev/f:r");
    assertStringIncludes(toRead.stderr, "cannot create /dev/f: Operation not permitted");
    assertEquals(toRead.stderr.includes("cannot open"), false, toRead.stderr);
    const ruled = await box.sh(
      "mknod /tmp/fuse c 10 229 && : <>/tmp/fuse",
      "--device-cgroup-rule=c 10:229 rwm",
    );
    assertEquals(ruled.code, 0, ruled.stderr);
  },
});

Deno.test({
  ...needs("a user without privilege makes no node, and has the six devices", {
    ordinaryUser: true,
  }),
  async fn() {
    const { stdout, stderr } = await box.sh(
      "mknod /tmp/null c 1 3; head -c 2 /dev/zero | od -An -tx1; echo x >/dev/null && echo ok",
    );
    assertEquals(stdout, " 00 00\nok\n");
    assertStringIncludes(stderr, "Operation not permitted");
  },
});

Deno.test({
  ...needs("a privileged container has all rights that its maker has", anyUser),
  async fn() {
    const { CapEff, CapBnd, NoNewPrivs, Seccomp } = await status("--privileged");
    const own = /^CapBnd:\s*(\S+)$/m.exec(await Deno.readTextFile("/proc/self/status"))![1];
    const all = isRoot ? own : CapBnd;
    assertEquals([CapEff, CapBnd, NoNewPrivs, Seccomp], [all, all, "0", "0"]);
    const script = "mount -t tmpfs t /mnt && echo mounted; stat -c %s /proc/interrupts; " +
      "findmnt -no OPTIONS /sys | grep -c '^rw'";
    assertEquals((await box.sh(script, "--privileged")).stdout, "mounted\n0\n1\n");
    const capabilities = await status("--cap-add=ALL", "--cap-drop=MKNOD");
    const without = BigInt(`0x${all}`) & ~capabilityMask(["CAP_MKNOD"]);
    assertEquals(BigInt(`0x${capabilities.CapEff}`), without);
  },
});

Deno.test({
  ...needs("kernel parameters of the container's own are set, the machine's are refused", anyUser),
  async fn() {
    const files = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax";
    const flags = ["--sysctl=net.ipv4.ip_forward=1", "--sysctl=kernel.msgmax=9999"];
    const host = await Deno.readTextFile("/proc/sys/kernel/msgmax");
    assertEquals(await box.text(files, ...flags), "1\n9999\n");
    assertEquals(await Deno.readTextFile("/proc/sys/kernel/msgmax"), host);
    const { code, stderr } = await box.sh("true", "--sysctl=kernel.panic=1");
    assertEquals(code, 125);
    assertMatch(stderr, /kernel\.panic.*the whole machine's/);
  },
});

Deno.test({
  ...needs("--ulimit limits the process, and what cannot be had is said", anyUser),
  async fn() {
    const script = "ulimit -n; ulimit -Hn; ulimit -c";
    const flags = ["--ulimit=nofile=100:200", "--ulimit=core=0"];
    assertEquals(await box.text(script, ...flags), "100\n200\n0\n");
    const { code, stderr } = await box.sh("true", "--ulimit=nofile=2000000000");
    assertEquals(code, 125);
    assertStringIncludes(stderr, "fs.nr_open");
  },
});

Deno.test({
  ...needs("--oom-score-adj says who is killed first", anyUser),
  async fn() {
    assertEquals(await box.text("cat /proc/self/oom_score_adj", "--oom-score-adj=500"), "500\n");
  },
});

Deno.test({
  ...needs("limits that a user without privilege cannot have are an error before the start", {
    ordinaryUser: true,
    cgroup: "v1",
  }),
  async fn() {
    for (const flag of ["-m=32m", "--pids-limit=8", "--cpus=0.5"]) {
      const { code, stderr, stdout } = await box.sh("echo started", flag);
      assertEquals([code, stdout], [125, ""]);
      assertMatch(stderr, /an ordinary user cannot limit anything on this host/);
    }
  },
});
