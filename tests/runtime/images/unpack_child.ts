/**
 * Unpacks a layer in a process of its own and says a word at each piece, so that a test can kill it.
 *
 * @module
 */

import { ImageStore } from "../../../runtime/images/store.ts";
import { unpackLayer } from "../../../runtime/images/unpack.ts";

const [root, layer] = Deno.args;
await unpackLayer(new ImageStore(root), JSON.parse(layer), {
  onProgress: () => void Deno.stdout.writeSync(Uint8Array.of(10)),
});
