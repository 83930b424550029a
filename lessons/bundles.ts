/**
 * Bundles that a lesson hands to `tiffin oci`, as an engine does, and the containers made of them.
 *
 * @module
 */

import { findContainer, type OciContainer } from "../runtime/oci/container.ts";
import { project, type Workshop } from "./workshop.ts";

/** What a bundle's program sees and may; the rest is what `tiffin oci spec` writes. */
export interface BundleWishes {
  /** the program and its words */
  args: string[];
  /** the container's host name */
  hostname: string;
}

/**
 * Makes a bundle in the scratch directory: the files of `local`, and a config.json.
 *
 * @param name the directory's
 * @throws {Error} with what `tiffin` wrote, if it cannot be made
 */
export async function makeBundle(
  workshop: Workshop,
  name: string,
  { args, hostname }: BundleWishes,
): Promise<string> {
  const bundle = `${workshop.scratch}/${name}`;
  const image = `bundle-${crypto.randomUUID().slice(0, 8)}`;
  // a container of `run`'s lends its files
  const rootless = Deno.uid() === 0 ? "" : "--rootless";
  const { code, output } = await workshop.run([
    "sh",
    "-ec",
    `mkdir -p ${name}/rootfs
tiffin create --quiet --name ${image} local true
tiffin export ${image} | tar -xC ${name}/rootfs
tiffin rm ${image}
tiffin oci spec ${rootless} --bundle ${name}`,
  ]);
  if (code !== 0) throw new Error(`the bundle ${name}: ${output}`);
  const config = `${bundle}/config.json`;
  const spec = JSON.parse(Deno.readTextFileSync(config));
  spec.hostname = hostname;
  spec.process = { ...spec.process, args, terminal: false };
  Deno.writeTextFileSync(config, JSON.stringify(spec, null, 2));
  return bundle;
}

/** Where the lesson's containers are kept, as `--root` says it in the scratch directory. */
export const KEPT = "kept";

/** What the runtime and the kernel say of a container of the lesson's. */
export function look({ scratch }: Workshop, id: string): OciContainer {
  return findContainer(`${scratch}/${KEPT}`, id);
}

/** The block of docs/engines.md in a language that has a word in it: tests/engines/ tries them. */
export function documented(language: string, word: string): string {
  const text = Deno.readTextFileSync(`${project}/docs/engines.md`);
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm"));
  return [...blocks].map(([, block]) => block).find((block) => block.includes(word)) ?? "";
}
