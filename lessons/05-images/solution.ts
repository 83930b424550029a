/**
 * Pulls an image: first everything is fetched and checked, then it is unpacked. So a layer that is
 * not what it says leaves nothing behind, also where it is the last one.
 *
 * @module
 */

import { digestOf } from "../../runtime/images/digest.ts";

const [url, name, tag, directory] = Deno.args;

/** Fetches what a descriptor names. @throws {Error} if something else came */
async function fetchBlob({ digest, size }: { digest: string; size: number }) {
  const reply = await fetch(`${url}/v2/${name}/blobs/${digest}`);
  const bytes = await reply.bytes();
  if (bytes.length !== size || await digestOf(bytes) !== digest) {
    throw new Error(`${digest} is something else: ${await digestOf(bytes)}`);
  }
  return bytes;
}

/** Unpacks a layer over those that are there: a file that is in both is the later one's. */
async function unpack(layer: Uint8Array<ArrayBuffer>) {
  const tar = new Deno.Command("tar", { args: ["-xz", "-C", directory], stdin: "piped" }).spawn();
  await new Blob([layer]).stream().pipeTo(tar.stdin);
  const { success } = await tar.status;
  if (!success) throw new Error("tar could not unpack a layer");
}

const reply = await fetch(`${url}/v2/${name}/manifests/${tag}`, {
  headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
});
const manifest = await reply.json();
const layers = await Promise.all(manifest.layers.map(fetchBlob));
for (const layer of layers) await unpack(layer);
