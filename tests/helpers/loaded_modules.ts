/**
 * Which of the project's modules a command really loads.
 *
 * @module
 */

import { project } from "./run_tiffin.ts";

/**
 * Run a command and list the project's modules that it loaded, as paths relative to the project.
 *
 * Deno keeps the JavaScript it made of each TypeScript module that it loads below
 * `DENO_DIR/gen/file`: in a cache that was empty, these are the modules of one command. The one
 * that puts a cache in order which was empty is not counted.
 *
 * @param directory An existing directory, for the data root (`root` in it) and the cache.
 * @throws If the command fails.
 */
export async function loadedModules(directory: string, args: string[]): Promise<string[]> {
  const cache = `${directory}/deno`;
  await Deno.mkdir(cache);
  await Deno.symlink(`${await denoDir()}/npm`, `${cache}/npm`);
  const command = [`${project}/mod.ts`, ...args];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "--no-check", ...command],
    env: { DENO_DIR: cache, TIFFIN_ROOT: `${directory}/root`, TIFFIN_NETWORK: "none" },
    stdin: "null",
  }).output();
  if (!success) throw new Error(`${command.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  const loaded = files(`${cache}/gen/file${project}`, "").map((file) => file.replace(/\.js$/, ""));
  await Deno.remove(cache, { recursive: true });
  return loaded.filter((file) => file !== "cli/fold_logs.ts").sort();
}

async function denoDir(): Promise<string> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  return JSON.parse(new TextDecoder().decode((await info.output()).stdout)).denoDir;
}

function files(directory: string, prefix: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap((entry) =>
    entry.isDirectory
      ? files(`${directory}/${entry.name}`, `${prefix}${entry.name}/`)
      : [`${prefix}${entry.name}`]
  );
}
