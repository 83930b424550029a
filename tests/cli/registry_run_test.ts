/**
 * An image from a registry runs by its name, and is fetched once.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { registryPrograms, skopeo, startDockerRegistry } from "../helpers/docker_registry.ts";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";

Deno.test({
  ...needs("an image that skopeo pushed runs by its name; the second run pulls nothing", {
    programs: registryPrograms,
  }),
  async fn() {
    await using theirs = await tempRoot();
    await using ours = await tempRoot();
    await runTiffin(["run", "local", "true"], { root: theirs.path });
    let digest: string;
    let name: string;
    {
      await using registry = await startDockerRegistry(theirs.path);
      name = `${registry.host}/class/app:1`;
      const layout = `oci:${theirs.path}/images:local`;
      await skopeo("copy", "--dest-tls-verify=false", layout, `docker://${name}`);
      const told = await skopeo("inspect", "--tls-verify=false", `docker://${name}`);
      digest = JSON.parse(told).Digest;

      const first = await runTiffin(["run", name, "sh", "-c", "echo $0 in $(hostname)", "sh"], {
        root: ours.path,
      });
      assertEquals(first.code, 0, first.stderr);
      assertMatch(first.stdout, /^sh in [0-9a-f]{12}\n$/);
      assertStringIncludes(first.stderr, "done");

      const byDigest = await runTiffin(["run", `${registry.host}/class/app@${digest}`, "true"], {
        root: ours.path,
      });
      assertEquals(byDigest.code, 0, byDigest.stderr);
    }
    // the registry is gone
    const second = await runTiffin(["run", name, "sh", "-c", "exit 9"], { root: ours.path });
    assertEquals([second.code, second.stderr], [9, ""]);
    const other = await runTiffin(["run", name.replace(":1", ":2"), "true"], { root: ours.path });
    assertEquals(other.code, 125);
    assertStringIncludes(other.stderr, "run local sh");
  },
});

/** podman with storage of its own, in a mount namespace that takes what it leaves mounted with it. */
async function podman(root: string, ...args: string[]): Promise<string> {
  const own = ["--root", `${root}/podman`, "--runroot", `${root}/podman-run`];
  const ways = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none"];
  const command = ["--runtime", "runc", ...own, ...ways, ...args];
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "--propagation", "private", "podman", ...command],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`podman ${args.join(" ")}: ${text(stderr)}`);
  return text(stdout);
}

Deno.test({
  ...needs("what is pushed is pulled and run by podman, and the other way round", {
    root: true,
    programs: ["docker-registry", "podman", "runc", "unshare"],
  }),
  async fn() {
    await using root = await tempRoot();
    await using registry = await startDockerRegistry(root.path);
    const tiffin = (...words: string[]) => runTiffin(words, { root: `${root.path}/tiffin` });
    assertEquals((await tiffin("run", "local", "true")).code, 0);
    const [ours, theirs] = [`${registry.host}/ours:1`, `${registry.host}/deep/theirs:1`];
    await tiffin("tag", "local", ours);
    const pushed = await tiffin("push", ours);
    assertEquals(pushed.code, 0, pushed.stderr);

    await podman(root.path, "pull", "-q", "--tls-verify=false", ours);
    // Its default limits are higher than a host without CAP_SYS_RESOURCE lets it set.
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    const run = ["run", "--rm", "--network", "none", ...limits, ours];
    const script = "echo $0 of $(. /etc/os-release; echo $ID)";
    assertEquals(await podman(root.path, ...run, "sh", "-c", script), "sh of tiffin-local\n");

    await podman(root.path, "tag", ours, theirs);
    await podman(root.path, "push", "-q", "--tls-verify=false", theirs);
    const there = await tiffin("run", theirs, "sh", "-c", script);
    assertEquals([there.code, there.stdout], [0, "sh of tiffin-local\n"], there.stderr);
  },
});
