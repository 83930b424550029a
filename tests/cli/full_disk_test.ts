/**
 * A data root on a full disk: what is removed makes room, although a removal writes, too.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { tiffin } from "./box.ts";

/** A tmpfs that is mounted where nobody else sees it, filled to its last page. */
const SCRIPT = `
set -e
mount -t tmpfs -o size=200m tmpfs "$1"; root=$1; shift
export TIFFIN_ROOT=$root TIFFIN_NETWORK=none
"$@" run local true
"$@" create --name kept local true >/dev/null
fill() { dd if=/dev/zero of="$root/fill" bs=4k oflag=append conv=notrunc 2>/dev/null || true; }
fill
if "$@" run local true 2>/dev/null; then echo it was not full; exit 9; fi
"$@" rm kept; fill
"$@" rmi local >/dev/null
ls "$root/layers" "$root/images/blobs/sha256" | grep -c '^[0-9a-f]' || true
rm "$root/fill"; "$@" run local echo again
`;

Deno.test({
  ...needs("rm and rmi make room on a full disk", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", SCRIPT, "sh", root.path, ...tiffin()],
    }).output();
    const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([out, errors], ["kept\n0\nagain\n", ""]);
  },
});
