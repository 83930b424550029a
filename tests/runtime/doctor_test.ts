/**
 * The doctor, on hosts that were written down, and on this one.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { formatFindings } from "../../cli/doctor.ts";
import { examineHost, type Finding, type Host } from "../../runtime/doctor.ts";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { hybrid, ordinary, root } from "./doctor/hosts.ts";

/** What is not good, by subject. */
async function complaints(host: Host, problem?: string): Promise<Record<string, Finding>> {
  const findings = await examineHost(host, problem);
  return Object.fromEntries(
    findings.filter(({ state }) => state !== "good").map((finding) => [finding.subject, finding]),
  );
}

Deno.test("on a host that has everything, nothing is to be mended", async () => {
  assertEquals(await complaints(root()), {});
  assertEquals(await complaints(hybrid()), {});
});

Deno.test("what keeps every container from running is bad, and has its command", async () => {
  const cases: [Host, subject: string, found: string, fix: string][] = [
    [
      ordinary({
        probes: { userNamespace: "EPERM" },
        files: { "/proc/sys/kernel/unprivileged_userns_clone": "0\n" },
      }),
      "user namespaces",
      "kernel.unprivileged_userns_clone is 0",
      "echo kernel.unprivileged_userns_clone=1 | sudo tee",
    ],
    [
      ordinary({
        probes: { userNamespace: "EACCES" },
        files: { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" },
      }),
      "user namespaces",
      "kernel.apparmor_restrict_unprivileged_userns is 1",
      "echo kernel.apparmor_restrict_unprivileged_userns=0 |",
    ],
    [
      ordinary({
        probes: { userNamespace: "ENOSPC" },
        files: { "/proc/sys/user/max_user_namespaces": "0\n" },
      }),
      "user namespaces",
      "user.max_user_namespaces is 0",
      "echo user.max_user_namespaces=15000 |",
    ],
    [
      ordinary({ weak: ["/usr/bin/newuidmap"] }),
      "user ids",
      "neither the setuid bit",
      "sudo chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap",
    ],
    [
      root({ files: { "/proc/filesystems": "nodev\tdevpts\n" } }),
      "overlayfs",
      "not have it loaded",
      "sudo modprobe overlay",
    ],
    [
      root({ probes: { overlay: "EINVAL" } }),
      "overlayfs",
      "an overlay in /var/lib/tiffin is refused: EINVAL",
      "export TIFFIN_ROOT=",
    ],
    [
      root({ without: ["libseccomp.so.2"] }),
      "seccomp",
      "libseccomp.so.2 is missing",
      "sudo apt install libseccomp2",
    ],
  ];
  for (const [host, subject, found, fix] of cases) {
    const { [subject]: finding } = await complaints(host);
    assertEquals(finding?.state, "bad", `${subject}: ${found}`);
    assertStringIncludes(finding.found, found);
    assertStringIncludes(finding.fix!, fix);
  }
});

Deno.test("for root a host without user namespaces is one that has less", async () => {
  const host = root({
    probes: { userNamespace: "ENOSPC" },
    files: { "/proc/sys/user/max_user_namespaces": "0\n" },
  });
  assertEquals((await complaints(host))["user namespaces"].state, "limited");
});

Deno.test("an ordinary user without ranges is told a range that nobody has", async () => {
  const files = { "/etc/subuid": "bob:100000:65536\n", "/etc/subgid": undefined };
  const { "user ids": ids } = await complaints(ordinary({ files }));
  assertEquals(ids.state, "limited");
  assertStringIncludes(ids.fix!, "--add-subuids 165536-231071 --add-subgids 100000-165535");
  const { "user ids": helper } = await complaints(ordinary({ without: ["newuidmap"] }));
  assertEquals(helper.fix, "sudo apt install uidmap");
});

Deno.test("limits of an ordinary user: what systemd has handed down", async () => {
  const nothing = await complaints(ordinary());
  assertEquals(
    nothing.delegation.fix,
    "systemd-run --user --scope -p Delegate=yes deno run -A " +
      "mod.ts run …",
  );
  const service = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service";
  const scope = `${service}/app.slice/run-7.scope`;
  const host = ordinary({
    readOnly: ["/sys/fs/cgroup/cgroup.procs"],
    files: {
      "/proc/self/cgroup": `0::${scope.slice("/sys/fs/cgroup".length)}\n`,
      [`${scope}/cgroup.controllers`]: "memory pids\n",
      [`${scope}/cgroup.subtree_control`]: "\n",
      [`${scope}/cgroup.procs`]: "500\n",
      [`${service}/cgroup.controllers`]: "memory pids\n",
    },
  });
  const some = await complaints(host);
  assertEquals(some.delegation, undefined);
  assertEquals(some["limit --memory"], undefined);
  assertStringIncludes(some["limit --cpus"].found, "not handed down");
  assertStringIncludes(some["limit --cpus"].fix!, "Delegate=cpu cpuset io memory pids");
});

Deno.test("controllers that the kernel was told to leave out, and swap that it does not count", async () => {
  const without = {
    "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n",
    "/sys/fs/cgroup/cgroup.subtree_control": "cpu pids\n",
  };
  const { "limit --memory": memory } = await complaints(root({ files: without }));
  assertStringIncludes(memory.fix!, "cgroup_enable=memory");
  const uncounted = { "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": undefined };
  const { "limit --memory-swap": swap } = await complaints(hybrid({ files: uncounted }));
  assertStringIncludes(swap.fix!, "swapaccount=1");
  const none = await complaints(root({ files: { "/proc/self/mountinfo": "" } }));
  assertStringIncludes(none["control groups"].fix!, "mount -t cgroup2");
});

Deno.test("network, terminals, disk, virtual machines, tracing: less, with the command", async () => {
  const poor = await complaints(ordinary({
    without: ["pasta", "slirp4netns"],
    readOnly: ["/sys/fs/cgroup", "/dev/kvm"],
    free: () => 1000,
    files: { "/dev/ptmx": undefined, "/proc/sys/kernel/yama/ptrace_scope": "2\n" },
  }));
  assertEquals(poor.network.fix, "sudo apt install passt");
  assertStringIncludes(poor.terminals.fix!, "mount -t devpts");
  assertStringIncludes(poor.disk.fix!, "image prune");
  const shut = await complaints(ordinary({ probes: { isShut: true } }));
  assertEquals(shut.disk.state, "bad");
  assertStringIncludes(shut.disk.found, "can write nothing to /");
  assertStringIncludes(poor["virtual machines"].fix!, "usermod -aG kvm");
  assertEquals(poor.tracing.fix, "sudo sysctl kernel.yama.ptrace_scope=1");
  assertEquals((await complaints(root({ without: ["nft"] }))).network.state, "limited");
  const { ground } = await complaints(root(), "this is Deno 1.0, and Tiffin needs 2.8.3");
  assertEquals([ground.state, ground.fix], ["bad", "deno upgrade"]);
});

Deno.test("virtual machines: /dev/kvm that opens is not yet a machine", async () => {
  const without = (name: string) => ({ [`/sys/module/${name}/parameters/nested`]: undefined });
  assertEquals((await complaints(root()))["virtual machines"], undefined);
  const { "virtual machines": taken } = await complaints(root({
    probes: { virtualMachine: "EBUSY" },
  }));
  assertEquals(taken.state, "limited");
  assertStringIncludes(taken.found, "KVM_CREATE_VM gives EBUSY, as another hypervisor has");
  assertStringIncludes(taken.found, "lesson 14 emulates");
  const { "virtual machines": refused } = await complaints(root({
    probes: { virtualMachine: "ENODEV" },
  }));
  assertStringIncludes(refused.found, "opens, but KVM_CREATE_VM gives ENODEV: lesson 14 emulates");
  const { "virtual machines": other } = await complaints(root({ files: without("kvm_amd") }));
  assertStringIncludes(other.found, "neither kvm_intel's nor kvm_amd's; where it runs no whole");
  const arm = root({ files: without("kvm_amd"), arch: "aarch64" });
  assertEquals((await complaints(arm))["virtual machines"], undefined);
});

Deno.test("findings fit in 80 columns, but for commands, which are there to be copied", async () => {
  const findings = await examineHost(ordinary({ without: ["pasta", "slirp4netns"] }));
  const lines = formatFindings(findings, false).split("\n");
  for (const line of lines.filter((line) => !line.startsWith("    "))) assert(line.length <= 80);
  assert(lines.includes("    sudo apt install passt"));
});

Deno.test("doctor examines this host, in text and as JSON, and leaves nothing behind", async () => {
  await using directory = await tempRoot();
  const before = hostSnapshot(directory.path);
  const { code, stdout, stderr } = await runTiffin(["doctor", "--json"], { root: directory.path });
  const findings: Finding[] = JSON.parse(stdout);
  assertEquals(stderr, "");
  assertEquals(code, findings.some(({ state }) => state === "bad") ? 1 : 0);
  for (const { found, state, subject } of findings) assert(found !== "" && state && subject);
  const text = await runTiffin(["doctor"], { root: directory.path });
  assertEquals(text.code, code);
  for (const { subject } of findings) assertStringIncludes(text.stdout, subject);
  await assertUnchanged(before);
});
