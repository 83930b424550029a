/**
 * Every check of every engine, with runc and with Tiffin, as the table of docs/engines.md.
 *
 * @module
 */

import { CONTAINERD } from "./containerd.ts";
import { DOCKER } from "./docker.ts";
import { PODMAN } from "./podman.ts";
import { type Engine, RUNTIMES, session } from "./ground.ts";

const ENGINES: Engine[] = [PODMAN, DOCKER, CONTAINERD];

const wanted = Deno.args.map((name) => name.toLowerCase());

for (const engine of ENGINES) {
  if (wanted.length && !wanted.includes(engine.name.toLowerCase())) continue;
  const sessions = await Promise.all(RUNTIMES.map((runtime) => session(engine, runtime)));
  console.log(`### ${engine.name}\n\n| check | ${RUNTIMES.join(" | ")} |\n| --- | --- | --- |`);
  for (const { name } of engine.checks) {
    const cells = sessions.map(({ results }) => results.get(name)!.passed ? "yes" : "no");
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
  console.log("");
  for (const [i, { results, setup }] of sessions.entries()) {
    const failed = [...results].filter(([, { passed }]) => !passed);
    if (failed.length) console.error(`${engine.name} with ${RUNTIMES[i]}:\n${setup}`);
    for (const [name, { output }] of failed) console.error(`-- ${name}\n${output}`);
  }
}
