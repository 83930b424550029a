/**
 * A bundle on the disk: what is read of it, and which are refused. Nothing is started.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { planBundle, readBundle } from "../../runtime/bundle.ts";
import type { LinuxIDMapping, Mount, Spec } from "../../runtime/spec.ts";
import { SpecError } from "../../runtime/validate.ts";
import { hostIdentity } from "../../runtime/rootless.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const SPEC: Spec = {
  ociVersion: "1.2.1",
  process: { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } },
  root: { path: "root" },
  linux: { namespaces: [{ type: "mount" }] },
};

async function bundleWith(directory: string, spec: Partial<Spec> | string): Promise<string> {
  await Deno.mkdir(`${directory}/root`, { recursive: true });
  const text = typeof spec === "string" ? spec : JSON.stringify({ ...SPEC, ...spec });
  await Deno.writeTextFile(`${directory}/config.json`, text);
  return directory;
}

Deno.test("paths of the host's start at the bundle, and links to it are followed", async () => {
  await using root = await tempRoot();
  const real = await bundleWith(`${root.path}/real`, {
    mounts: [
      { destination: "/a", source: "data", options: ["rbind"] },
      { destination: "/b", source: "/etc", type: "bind" },
      { destination: "/c", source: "tmpfs", type: "tmpfs" },
    ],
  });
  await Deno.symlink("real", `${root.path}/link`);
  const bundle = readBundle(`${root.path}/link`);
  assertEquals([bundle.path, bundle.root], [real, `${real}/root`]);
  assertEquals(bundle.spec.mounts?.map(({ source }) => source), [`${real}/data`, "/etc", "tmpfs"]);
});

Deno.test("an absolute root may be a link", async () => {
  await using root = await tempRoot();
  await Deno.mkdir(`${root.path}/elsewhere`);
  await Deno.symlink("elsewhere", `${root.path}/there`);
  const bundle = await bundleWith(`${root.path}/b`, { root: { path: `${root.path}/there` } });
  assertEquals(readBundle(bundle).root, `${root.path}/elsewhere`);
});

function refusal(path: string): string {
  return assertThrows(() => readBundle(path), Error).message;
}

Deno.test("what is no bundle is refused, with the reason", async () => {
  await using root = await tempRoot();
  const at = (name: string) => `${root.path}/${name}`;
  assertEquals(refusal(at("none")).startsWith(`the bundle: ${at("none")}: no such file`), true);
  await Deno.mkdir(at("empty"));
  assertEquals(refusal(at("empty")).startsWith(`config.json: ${at("empty")}/config.json`), true);
  await Deno.mkdir(at("odd/config.json"), { recursive: true });
  assertEquals(refusal(at("odd")), `config.json: ${at("odd")}/config.json is no regular file`);
  const cases: [Partial<Spec> | string, string][] = [
    ["{", "config.json: is not JSON"],
    [{ root: undefined }, "config.json: root: is required"],
    [{ root: { path: "config.json" } }, "config.json: root.path: "],
    [{ root: { path: "no" } }, `root.path: ${at("wrong")}/no: no such file`],
    [{ process: undefined }, "config.json: process: is needed"],
    [{ linux: {} }, "config.json: linux.namespaces: "],
    [{ ociVersion: "2.0.0" }, "config.json: ociVersion: "],
  ];
  for (const [spec, message] of cases) {
    const path = await bundleWith(at("wrong"), spec);
    assertEquals(refusal(path).slice(0, message.length), message);
  }
});

Deno.test("a config.json that is larger than any is not read", async () => {
  await using root = await tempRoot();
  await Deno.truncate(`${await bundleWith(root.path, {})}/config.json`, 1 << 30);
  assertEquals(
    refusal(root.path),
    `config.json: ${root.path}/config.json has more than 16777216 bytes`,
  );
});

Deno.test("file systems that keep no labels get the spec's", async () => {
  await using root = await tempRoot();
  const bundle = await bundleWith(root.path, {
    mounts: [
      { destination: "/a", type: "tmpfs", options: ["size=1m"] },
      { destination: "/b", type: "proc" },
    ],
  });
  // a host without SELinux refuses a label before it comes to this
  const enforced = await Deno.stat("/sys/fs/selinux/enforce").then(() => true, () => false);
  const label = { linux: { ...SPEC.linux, mountLabel: "a:b:c:s0:c1,c2" } };
  if (!enforced) {
    await bundleWith(root.path, label);
    assertEquals(refusal(bundle).startsWith("config.json: linux.mountLabel: "), true);
    return;
  }
  const [memory, proc] = readBundle(bundle).spec.mounts as Mount[];
  assertEquals(memory.options, ["size=1m", 'context="a:b:c:s0:c1,c2"']);
  assertEquals(proc.options, undefined);
});

Deno.test("a start is worked out from the bundle, and touches nothing", async () => {
  await using root = await tempRoot();
  const path = await bundleWith(root.path, {
    annotations: { a: "b" },
    hooks: { createContainer: [{ path: "/bin/true" }] },
  });
  const { request, cgroup } = await planBundle(readBundle(path), {
    id: "one",
    cache: `${root.path}/cache`,
    claim: { path: `${root.path}/claim`, content: "" },
    processFile: `${root.path}/process`,
    ownCgroup: false,
  });
  const own = { kind: "directory" as const, path: `${path}/root`, isMoved: undefined };
  assertEquals([request.root, cgroup], [own, undefined]);
  assertEquals(request.chapters?.hooks?.subject, {
    ociVersion: "1.2.1",
    id: "one",
    bundle: path,
    annotations: { a: "b" },
  });
  assertEquals([...Deno.readDirSync(path)].map(({ name }) => name).sort(), ["config.json", "root"]);
});

Deno.test("a spec error knows its field", async () => {
  await using root = await tempRoot();
  const path = await bundleWith(root.path, { linux: {} });
  assertEquals(
    assertThrows(() => readBundle(path), SpecError).path,
    "linux.namespaces",
  );
});

Deno.test({
  ...needs("groups are changed only where more than the user's own is mapped", {
    ordinaryUser: true,
  }),
  async fn() {
    await using root = await tempRoot();
    const mayChangeGroups = async (gidMappings: LinuxIDMapping[]) => {
      const { uidMappings } = hostIdentity();
      const namespaces = [{ type: "user" as const }, { type: "mount" as const }];
      const linux = { namespaces, uidMappings, gidMappings };
      const { request } = await planBundle(readBundle(await bundleWith(root.path, { linux })), {
        id: "one",
        cache: `${root.path}/cache`,
        processFile: `${root.path}/process`,
        ownCgroup: false,
      });
      return request.mayChangeGroups;
    };
    const { gidMappings, hasRange } = hostIdentity();
    // newgidmap(1) forbids setgroups(2) for a map of the user's own group alone
    assertEquals(await mayChangeGroups(gidMappings.slice(0, 1)), false);
    assertEquals(await mayChangeGroups(gidMappings), hasRange);
  },
});
