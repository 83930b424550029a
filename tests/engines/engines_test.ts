/**
 * What Podman, Docker and containerd do every day, with Tiffin as their runtime.
 *
 * runc does the same checks in table.ts, for docs/engines.md; here only Tiffin is tested.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { needs } from "../helpers/needs.ts";
import { CONTAINERD } from "./containerd.ts";
import { DOCKER } from "./docker.ts";
import { NEEDED, session } from "./ground.ts";
import { PODMAN } from "./podman.ts";

for (const engine of [PODMAN, DOCKER, CONTAINERD]) {
  Deno.test({
    ...needs(`${engine.name} at work`, { ...NEEDED, programs: engine.programs }),
    async fn(t) {
      const { results, setup } = await session(engine, "tiffin");
      for (const [name, { passed, output }] of results) {
        await t.step(name, () => assertEquals(passed, true, `${output}\n${setup}`));
      }
    },
  });
}
