/**
 * Compiled filters are kept, found again, and made anew when they cannot be trusted.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertNotEquals } from "@std/assert/not-equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import { compileSeccomp } from "../../../runtime/seccomp/compile.ts";
import { defaultProfile } from "../../../runtime/seccomp/default.ts";
import { enosysStub } from "../../../runtime/seccomp/enosys.ts";
import { EDITION, loadSeccomp, seccompFlags, seccompHost } from "../../../runtime/seccomp/load.ts";
import type { LinuxSeccomp } from "../../../runtime/spec/seccomp.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { DEFAULT_CAPABILITIES } from "./docker.ts";

const requirements = { libraries: ["libseccomp.so.2"], files: ["/etc/ld.so.cache"] };
const host = seccompHost(DEFAULT_CAPABILITIES);

/** The one file of a cache. */
function onlyFile(directory: string): string {
  const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
  assertEquals(names.length, 1, names.join(", "));
  return `${directory}/${names[0]}`;
}

Deno.test({
  ...needs("the default filter comes out of the cache as it went in", requirements),
  async fn() {
    await using root = await tempRoot();
    const compiled = compileSeccomp(defaultProfile(host));
    const cache = `${root.path}/cache`;
    assertEquals(await loadSeccomp(cache, host), compiled);
    const written = Deno.statSync(onlyFile(cache)).mtime;
    assertEquals(await loadSeccomp(cache, host), compiled);
    assertEquals(Deno.statSync(onlyFile(cache)).mtime, written);
  },
});

Deno.test({
  ...needs("what is in the cache is what is used", requirements),
  async fn() {
    await using root = await tempRoot();
    const filter = await loadSeccomp(root.path, host);
    const file = onlyFile(root.path);
    const bytes = Deno.readFileSync(file);
    bytes[4] ^= 8; // another offset for the first load
    Deno.writeFileSync(file, bytes);
    assertEquals(await loadSeccomp(root.path, host), bytes.slice(0, filter.length));
  },
});

Deno.test({
  ...needs("a spoilt file is compiled again, and so is one of another edition", requirements),
  async fn() {
    await using root = await tempRoot();
    const filter = await loadSeccomp(root.path, host);
    const file = onlyFile(root.path);
    const good = Deno.readFileSync(file);
    const key = good.subarray(filter.length);
    const other = new TextDecoder().decode(key).replace(`\n${EDITION} `, `\n${EDITION + 1} `);
    const spoilt: Record<string, Uint8Array> = {
      empty: new Uint8Array(),
      rubbish: crypto.getRandomValues(new Uint8Array(good.length)),
      "cut short": good.subarray(0, good.length - 1),
      "cut short by an instruction": new Uint8Array([...good.slice(8), ...key.slice(0, 8)]),
      "a key alone": key,
      "no whole instruction": new Uint8Array([...filter, 6, ...key]),
      "no return at the end": new Uint8Array([
        ...filter.slice(0, -8),
        ...filter.slice(0, 8),
        ...key,
      ]),
      "too long": new Uint8Array([...new Uint8Array(8 * 4096), ...filter.slice(-8), ...key]),
      "another edition": new Uint8Array([...filter, ...new TextEncoder().encode(other)]),
    };
    for (const [what, bytes] of Object.entries(spoilt)) {
      Deno.writeFileSync(file, bytes);
      assertEquals(await loadSeccomp(root.path, host), filter, what);
      assertEquals(Deno.readFileSync(file), good, what);
    }
  },
});

Deno.test({
  ...needs("profiles that differ in anything have filters of their own", requirements),
  async fn() {
    await using root = await tempRoot();
    const profile = (value: bigint): LinuxSeccomp => ({
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [{
        names: ["read"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      }],
    });
    const subjects = [
      host,
      { ...host, capabilities: [...host.capabilities, "CAP_SYS_ADMIN"] },
      { ...host, kernel: [4, 4] as const },
      profile(2n ** 60n),
      profile(2n ** 60n + 1n),
    ];
    const filters = [];
    for (const subject of [...subjects, ...subjects]) {
      filters.push((await loadSeccomp(root.path, subject)).join());
    }
    assertEquals(new Set(filters).size, subjects.length);
    assertEquals(filters.slice(0, subjects.length), filters.slice(subjects.length));
    assertEquals([...Deno.readDirSync(root.path)].length, subjects.length);
    // the order of capabilities means nothing
    const reversed = { ...host, capabilities: [...host.capabilities].reverse() };
    assertEquals((await loadSeccomp(root.path, reversed)).join(), filters[0]);
    assertEquals([...Deno.readDirSync(root.path)].length, subjects.length);
  },
});

Deno.test({
  ...needs("a file with the right name and another profile's key is not taken", requirements),
  async fn() {
    await using root = await tempRoot();
    const filter = await loadSeccomp(root.path, host);
    const file = onlyFile(root.path);
    await using other = await tempRoot();
    await loadSeccomp(other.path, { ...host, capabilities: ["CAP_SYS_ADMIN"] });
    Deno.copyFileSync(onlyFile(other.path), file);
    assertEquals(await loadSeccomp(root.path, host), filter);
  },
});

Deno.test({
  ...needs("a cache that cannot be written costs time, not the filter", requirements),
  async fn() {
    await using root = await tempRoot();
    Deno.writeTextFileSync(`${root.path}/file`, "");
    const filter = await loadSeccomp(`${root.path}/file/cache`, host);
    assertEquals(filter, compileSeccomp(defaultProfile(host)));
  },
});

/** Loads the default filter in a process that looks for libraries in `directory` first. */
async function loadElsewhere(directory: string): Promise<Deno.CommandOutput> {
  const module = import.meta.resolve("../../../runtime/seccomp/load.ts");
  const code = `
    const { loadSeccomp, seccompHost } = await import(${JSON.stringify(module)});
    await loadSeccomp(${JSON.stringify(`${directory}/cache`)}, seccompHost([]));`;
  return await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", code],
    env: { LD_LIBRARY_PATH: directory },
  }).output();
}

Deno.test({
  ...needs("with LD_LIBRARY_PATH nobody knows which libseccomp is meant: no cache", requirements),
  async fn() {
    await using root = await tempRoot();
    assertEquals((await loadElsewhere(root.path)).success, true);
    assertEquals([...Deno.readDirSync(root.path)], []);
  },
});

Deno.test("without libseccomp the error names the package and the way out", async () => {
  await using root = await tempRoot();
  Deno.writeTextFileSync(`${root.path}/libseccomp.so.2`, "no library");
  const { success, stderr } = await loadElsewhere(root.path);
  assertEquals(success, false);
  assertStringIncludes(new TextDecoder().decode(stderr), "apt install libseccomp2");
  assertStringIncludes(new TextDecoder().decode(stderr), "--security-opt seccomp=unconfined");
});

Deno.test({
  ...needs("a hit loads neither the compiler nor the rules", requirements),
  async fn() {
    await using root = await tempRoot();
    await loadSeccomp(`${root.path}/cache`, host);
    const seccomp = new URL("../../../runtime/seccomp/", import.meta.url);
    const script = `${root.path}/hit.ts`;
    Deno.writeTextFileSync(
      script,
      `import { loadSeccomp, seccompHost } from "${seccomp}load.ts";
       await loadSeccomp("${root.path}/cache", seccompHost(${
        JSON.stringify(DEFAULT_CAPABILITIES)
      }));`,
    );
    // Deno keeps what it made of each module that it loaded
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-check", "--no-config", script],
      env: { DENO_DIR: `${root.path}/deno` },
    }).output();
    assertEquals(success, true);
    const loaded = [...Deno.readDirSync(`${root.path}/deno/gen/file${seccomp.pathname}`)];
    assertEquals(loaded.map((entry) => entry.name).sort(), ["bpf.ts.js", "load.ts.js"]);
  },
});

Deno.test("the edition belongs to these rules and this stub", async () => {
  const capabilities = [
    ...DEFAULT_CAPABILITIES,
    ..."ADMIN BOOT MODULE NICE PACCT PTRACE RAWIO TIME TTY_CONFIG".split(" ")
      .map((name) => `CAP_SYS_${name}`),
    ..."CAP_BPF CAP_DAC_READ_SEARCH CAP_PERFMON CAP_SYSLOG".split(" "),
  ];
  const made = [
    ...(["x86_64", "aarch64"] as const).flatMap((arch) => [
      defaultProfile({ arch, kernel: [6, 1], capabilities }),
      defaultProfile({ arch, kernel: [4, 7], capabilities: DEFAULT_CAPABILITIES }),
    ]),
    enosysStub(
      new Map([[0xc000003e, [1, 0x40000001]], [0x40000003, [1]], [0x40000028, [0xf0001]]]),
    ),
  ];
  const bytes = new TextEncoder().encode(JSON.stringify(made));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
  // when this fails, raise EDITION in load.ts, and write down both of them here
  assertEquals([EDITION, digest], [1, "1bcbbfd719c75b48"]);
});

Deno.test("flags of seccomp(2)", () => {
  const profile: LinuxSeccomp = { defaultAction: "SCMP_ACT_ALLOW" };
  const notify: LinuxSeccomp = {
    ...profile,
    syscalls: [{ names: ["mount"], action: "SCMP_ACT_NOTIFY" }],
  };
  assertEquals(seccompFlags(host), 4);
  assertEquals(seccompFlags(profile), 4);
  assertEquals(seccompFlags({ ...profile, flags: [] }), 0);
  assertEquals(seccompFlags({ ...profile, flags: ["SECCOMP_FILTER_FLAG_TSYNC"] }), 0);
  const both = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"] as const;
  assertEquals(seccompFlags({ ...profile, flags: [...both] }), 6);
  assertEquals(seccompFlags({ ...notify, flags: [] }), 8);
  const killable = { flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" as const] };
  assertEquals(seccompFlags({ ...notify, ...killable }), 40);
  assertThrows(() => seccompFlags({ ...profile, ...killable }), Error, "linux.seccomp.flags[0]");
  const unknown = { flags: ["SECCOMP_FILTER_FLAG_X"] } as unknown as LinuxSeccomp;
  assertThrows(() => seccompFlags({ ...profile, ...unknown }), Error, "is no flag of seccomp(2)");
});

Deno.test("the host is this machine", () => {
  const { kernel, arch } = host;
  assertEquals(arch, Deno.build.arch);
  assertEquals(Deno.osRelease().startsWith(`${kernel[0]}.${kernel[1]}`), true);
  assertNotEquals(kernel[0], NaN);
});
