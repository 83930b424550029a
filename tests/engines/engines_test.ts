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
import { type Engine, NEEDED, type Session, session } from "./ground.ts";
import { PODMAN } from "./podman.ts";

const ENGINES = [PODMAN, DOCKER, CONTAINERD];

const wanted = new Map(
  ENGINES.map((engine) => [
    engine,
    needs(`${engine.name} at work`, { ...NEEDED, programs: engine.programs }),
  ]),
);

let begun: Map<Engine, Promise<Session>> | undefined;

/** The engines wait for one another's clocks more than for a processor: they work side by side. */
function begin(): Map<Engine, Promise<Session>> {
  const there = ENGINES.filter((engine) => !wanted.get(engine)!.ignore);
  return begun ??= new Map(there.map((engine) => [engine, session(engine, "tiffin")]));
}

for (const [engine, test] of wanted) {
  Deno.test({
    ...test,
    // the other engines are still at work when the first is done
    sanitizeOps: false,
    sanitizeResources: false,
    async fn(t) {
      const { results, setup } = await begin().get(engine)!;
      for (const [name, { passed, output }] of results) {
        await t.step(name, () => assertEquals(passed, true, `${output}\n${setup}`));
      }
    },
  });
}
