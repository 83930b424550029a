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
