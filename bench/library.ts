/**
 * How many containers a second one process starts through the library.
 *
 * @module
 */

/** How the containers are started. */
export interface Load {
  /** How many run at the same time. */
  atOnce: number;
  /** For how long. */
  seconds: number;
}

/** Starts of `local true` a second, each waited for to its end. */
export async function startsPerSecond(root: string, { atOnce, seconds }: Load): Promise<number> {
  const { run } = await import("../mod.ts");
  let starts = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const worker = async () => {
    while (performance.now() < end) {
      const code = await run({ root, image: "local", args: ["true"] });
      if (code !== 0) throw new Error(`start ${starts}: exit code ${code}`);
      starts++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return starts / (performance.now() - begin) * 1000;
}
