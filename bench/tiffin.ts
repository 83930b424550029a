/**
 * Tiffin as a contestant, and the root file system that it runs.
 *
 * @module
 */

import type { Contestant } from "./measure.ts";

/** The project's directory, without a slash at its end. */
export const project = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/** `run local true` with every default on, its state below the bench's directory. */
export function tiffin(directory: string): Contestant {
  return {
    name: "tiffin run",
    command: [Deno.execPath(), "run", "-A", `${project}/mod.ts`, "run", "local", "true"],
    env: { TIFFIN_ROOT: dataRoot(directory) },
  };
}

/** Where Tiffin keeps its state during the bench. */
export function dataRoot(directory: string): string {
  return `${directory}/tiffin`;
}

/**
 * A copy of the image `local`, as one tree. It must have been run before, which unpacks it.
 *
 * @throws If it has more than one layer: stacking them is the runtime's work, not the bench's.
 */
export async function localRootfs(directory: string): Promise<string> {
  const layers: string[] = [];
  for await (const entry of Deno.readDir(`${dataRoot(directory)}/layers`)) layers.push(entry.name);
  if (layers.length !== 1) throw new Error(`${layers.length} layers, where local has one`);
  const rootfs = `${directory}/rootfs`;
  const from = `${dataRoot(directory)}/layers/${layers[0]}`;
  const copy = new Deno.Command("cp", { args: ["-a", from, rootfs] });
  if (!(await copy.output()).success) throw new Error(`cannot copy ${from}`);
  return rootfs;
}
