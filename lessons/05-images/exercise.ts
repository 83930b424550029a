/**
 * Pulls an image: exercise.ts URL NAME TAG DIRECTORY
 *
 *   - fetch the layers that the manifest names: URL/v2/NAME/blobs/DIGEST
 *   - check that each of them hashes to its name; digestOf does that for all the bytes at once
 *   - unpack them into DIRECTORY, in order; `tar -xz -C DIRECTORY` reads a layer from its input
 *
 * @module
 */

import { digestOf } from "../../runtime/images/digest.ts";

const [url, name, tag, directory] = Deno.args;

const reply = await fetch(`${url}/v2/${name}/manifests/${tag}`, {
  headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
});
const bytes = await reply.bytes();
const manifest = JSON.parse(new TextDecoder().decode(bytes));
console.log("the manifest hashes to", await digestOf(bytes));
console.log("nothing is in", directory, "yet, and this is to be fetched:", manifest.layers);
