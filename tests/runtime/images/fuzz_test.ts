/**
 * The tar reader and the manifest parser, fed with damage: what comes out is right, or an error of
 * their own.
 *
 * What is damaged is the corpus: descriptions of archives in corpus/archives.json, documents in
 * corpus/documents. The damage is the same for the same seed; `TIFFIN_FUZZ_SEED` gives another one,
 * and `TIFFIN_FUZZ_SECONDS` more time than the two seconds that each of them has. A failure prints
 * the input.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { isDigest } from "../../../runtime/images/digest.ts";
import { pathInLayer } from "../../../runtime/images/layer_tree.ts";
import {
  type Descriptor,
  isIndex,
  type Manifest,
  ManifestError,
  MEDIA_TYPE,
  parseConfig,
  parseManifest,
} from "../../../runtime/images/manifest.ts";
import { type TarEntry, TarError, TarReader } from "../../../runtime/images/tar.ts";
import { type Content, tarball } from "./tarballs.ts";

const SECONDS = Number(Deno.env.get("TIFFIN_FUZZ_SECONDS") ?? 2);
const SEED = Number(Deno.env.get("TIFFIN_FUZZ_SEED") ?? 1);
const corpus = new URL("corpus/", import.meta.url);

/** Whole numbers below a limit, in a row that is the same for the same seed (xorshift32). */
class Dice {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/** Tries inputs until the time is over. Says how many they were, and how many gave an error. */
function fuzz<T>(make: (dice: Dice) => T, isRefused: (input: T) => boolean): string {
  const dice = new Dice(SEED * 0x9e3779b1 | 1);
  const end = performance.now() + SECONDS * 1000;
  let tried = 0;
  let refused = 0;
  for (; performance.now() < end; tried++) {
    const input = make(dice);
    try {
      if (isRefused(input)) refused++;
    } catch (error) {
      const shown = input instanceof Uint8Array ? input.toBase64() : JSON.stringify(input);
      throw new Error(`seed ${SEED}, input ${tried}: ${shown.slice(0, 20_000)}`, { cause: error });
    }
  }
  assert(refused > 0 && refused < tried, `${refused} of ${tried} refused: nothing was tried`);
  return `${tried} inputs, ${refused} refused`;
}

const BLOCK = 512;

/** What an archive is damaged by: some of it knows what a header looks like. */
const DAMAGE: ((bytes: Uint8Array, dice: Dice) => Uint8Array)[] = [
  (bytes, dice) => {
    bytes[dice.below(bytes.length)] ^= 1 << dice.below(8);
    return bytes;
  },
  (bytes, dice) => {
    bytes[dice.below(bytes.length)] = dice.one([0, 1, 0x20, 0x2f, 0x30, 0x37, 0x7f, 0x80, 0xff]);
    return bytes;
  },
  // a header's field gets another value: its type, a number, the end of a name
  (bytes, dice) => {
    const header = BLOCK * dice.below(Math.ceil(bytes.length / BLOCK));
    const fields = [0, 100, 108, 116, 124, 136, 156, 157, 257, 263, 329, 337, 345];
    const values = [
      "0",
      "5",
      "x",
      "g",
      "L",
      "K",
      "S",
      "1",
      "7",
      "77777777777",
      "\x80\0\0\0",
      "../",
    ];
    const text = dice.one(values);
    const at = header + dice.one(fields) + dice.below(3);
    for (let i = 0; i < text.length && at + i < bytes.length; i++) {
      bytes[at + i] = text.charCodeAt(i);
    }
    return bytes;
  },
  (bytes, dice) => bytes.slice(0, dice.below(bytes.length + 1)),
  // a block comes twice, is lost, or changes places with another
  (bytes, dice) => {
    const blocks = Math.floor(bytes.length / BLOCK);
    if (blocks < 2) return bytes;
    const [from, to] = [dice.below(blocks) * BLOCK, dice.below(blocks) * BLOCK];
    bytes.copyWithin(to, from, from + BLOCK);
    return bytes;
  },
  (bytes, dice) => {
    const at = BLOCK * dice.below(Math.ceil(bytes.length / BLOCK));
    return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + BLOCK));
  },
];

/** Puts the checksums right, so that the damage is read and not only noticed. */
function signHeaders(bytes: Uint8Array): void {
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    const isHeader = new TextDecoder("latin1").decode(block.subarray(257, 262)) === "ustar";
    if (!isHeader) continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
}

/** What an archive holds, or the message of the error that it ends in. */
function read(archive: Uint8Array, chunk: number): { seen: string[]; error?: string } {
  const seen: string[] = [];
  let open: TarEntry | undefined;
  let missing = 0;
  const reader = new TarReader({
    entry(entry) {
      assertEquals(open, undefined, "an entry in an entry");
      assert(entry.name !== "" && !entry.name.includes("\0"), "a name that is none");
      for (const field of ["size", "uid", "gid", "mode", "major", "minor"] as const) {
        assert(Number.isSafeInteger(entry[field]) && entry[field] >= 0, field);
      }
      assert(Number.isSafeInteger(entry.mtime), "mtime");
      assert(entry.mtimeNanoseconds >= 0 && entry.mtimeNanoseconds < 1e9, "nanoseconds");
      const isEmpty = entry.type !== "file" && entry.type !== "hardlink";
      assert(!isEmpty || entry.size === 0, "content of what has none");
      seen.push(`${entry.type} ${entry.name} ${entry.size} ${entry.linkname} ${placeOf(entry)}`);
      [open, missing] = [entry, entry.size];
    },
    data(bytes) {
      assert(open && bytes.length > 0, "content of nothing");
      missing -= bytes.length;
      assert(missing >= 0, "more content than was announced");
    },
    close() {
      assert(open && missing === 0, "an end before the end");
      open = undefined;
    },
  }, { maxEntries: 1000 });
  try {
    for (let at = 0; at < archive.length; at += chunk) {
      reader.write(archive.subarray(at, at + chunk));
    }
    reader.finish();
    assertEquals(open, undefined, "the archive ended, the entry did not");
    return { seen };
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    return { seen, error: error.message };
  }
}

/** Where the layer would have the entry; a path that leads nowhere else. */
function placeOf({ name }: TarEntry): string {
  try {
    const path = pathInLayer(name);
    const parts = path.split("/");
    assert(path === "" || parts.every((part) => part !== "" && part !== "." && part !== ".."));
    return path;
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    return "(refused)";
  }
}

Deno.test("a damaged archive is read alike in whatever pieces it comes, or refused", async () => {
  const text = await Deno.readTextFile(new URL("archives.json", corpus));
  const archives = (JSON.parse(text) as { entries: Content[] }[]).map(({ entries }) =>
    tarball(...entries.map(withAttributes))
  );
  for (const archive of archives) assertEquals(read(archive, archive.length).error, undefined);
  const make = (dice: Dice) => {
    let bytes: Uint8Array = dice.one(archives).slice();
    for (let n = 1 + dice.below(6); n > 0 && bytes.length > 0; n--) {
      bytes = dice.one(DAMAGE)(bytes, dice);
    }
    if (dice.below(4) > 0) signHeaders(bytes);
    return bytes;
  };
  const chunks = new Dice(SEED + 1);
  const said = fuzz(make, (bytes) => {
    const whole = read(bytes, Math.max(bytes.length, 1));
    const pieces = read(bytes, 1 + chunks.below(1500));
    assertEquals(pieces, whole);
    return whole.error !== undefined;
  });
  console.log(`tar reader: ${said}`);
});

/** In the corpus extended attributes are an object of texts. */
function withAttributes(entry: Content): Content {
  if (!entry.xattrs) return entry;
  const attributes = Object.entries(entry.xattrs as unknown as Record<string, string>);
  const encoder = new TextEncoder();
  return {
    ...entry,
    xattrs: new Map(attributes.map(([name, value]) => [name, encoder.encode(value)])),
  };
}

/** Values that do not belong where they are put. */
const STRANGERS: unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  "",
  "x".repeat(5000),
  "sha256:../../../etc/passwd",
  "\u001b]0;x\u0007",
  [],
  {},
  [[[[[[[[[[]]]]]]]]]],
  { manifests: [] },
  MEDIA_TYPE.OCI_INDEX,
  MEDIA_TYPE.DOCKER_MANIFEST,
];

/** Exchanges, drops, or adds something somewhere in a document. */
function disturb(value: unknown, dice: Dice): unknown {
  if (typeof value !== "object" || value === null || dice.below(6) === 0) {
    return dice.one(STRANGERS);
  }
  if (Array.isArray(value)) {
    const copy = [...value];
    const at = dice.below(copy.length + 1);
    if (dice.below(4) === 0) copy.push(...copy.slice(0, 3));
    else if (at < copy.length) copy[at] = disturb(copy[at], dice);
    return copy;
  }
  const copy: Record<string, unknown> = { ...value };
  const key = dice.one([...Object.keys(copy), "manifests", "layers", "annotations", "mediaType"]);
  if (dice.below(5) === 0) delete copy[key];
  else copy[key] = disturb(copy[key], dice);
  return copy;
}

/** A document as bytes, which may be damaged as well. */
function damagedText(document: unknown, dice: Dice): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  if (dice.below(3) > 0) return bytes;
  for (let n = 1 + dice.below(3); n > 0; n--) {
    bytes[dice.below(bytes.length)] = dice.one([0, 0x22, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0xff, 0x39]);
  }
  return dice.below(4) > 0 ? bytes : bytes.slice(0, dice.below(bytes.length));
}

function assertDescriptor({ mediaType, digest, size, annotations }: Descriptor): void {
  assert(typeof mediaType === "string" && mediaType !== "");
  assert(isDigest(digest), "a digest that is none");
  assert(Number.isSafeInteger(size) && size >= 0, "a size that is none");
  for (const text of Object.values(annotations ?? {})) assertEquals(typeof text, "string");
}

function isRefusedAsManifest(bytes: Uint8Array, mediaType: string): boolean {
  try {
    const document = parseManifest(bytes, mediaType);
    assertEquals(document.schemaVersion, 2);
    if (isIndex(document)) document.manifests.forEach(assertDescriptor);
    else [document.config, ...document.layers].forEach(assertDescriptor);
    return false;
  } catch (error) {
    return isOurs(error);
  }
}

/** Whether it is the parser's own error, with a message that can be shown. */
function isOurs(error: unknown): boolean {
  if (!(error instanceof ManifestError)) throw error;
  assert(error.message.length < 1000, "the message is the document");
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f\x7f]/.test(error.message), "the message has control characters");
  return true;
}

async function documents(kind: string): Promise<unknown[]> {
  const found = [];
  for await (const { name } of Deno.readDir(new URL("documents/", corpus))) {
    if (!name.startsWith(kind)) continue;
    found.push(JSON.parse(await Deno.readTextFile(new URL(`documents/${name}`, corpus))));
  }
  assert(found.length > 0);
  return found;
}

Deno.test("a damaged manifest or index is one that can be used, or refused by its field", async () => {
  const all = await documents("manifest");
  const types = ["", "application/json", ...Object.values(MEDIA_TYPE)];
  const make = (dice: Dice) => {
    const bytes = damagedText(disturb(dice.one(all), dice), dice);
    return { bytes, mediaType: dice.one(types) };
  };
  const said = fuzz(make, ({ bytes, mediaType }) => isRefusedAsManifest(bytes, mediaType));
  console.log(`manifest parser: ${said}`);
});

Deno.test("a damaged config is one that can be used, or refused by its field", async () => {
  const all = await documents("config");
  const digest = `sha256:${"a".repeat(64)}`;
  const layer = { mediaType: MEDIA_TYPE.OCI_LAYER, digest, size: 1 };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.OCI_MANIFEST,
    config: { ...layer, mediaType: MEDIA_TYPE.OCI_CONFIG },
    layers: [layer, layer],
  };
  const make = (dice: Dice) => damagedText(disturb(dice.one(all), dice), dice);
  const said = fuzz(make, (bytes) => {
    try {
      const config = parseConfig(bytes, manifest);
      assertEquals(config.rootfs.diff_ids.length, 2);
      assert(config.rootfs.diff_ids.every(isDigest));
      return false;
    } catch (error) {
      return isOurs(error);
    }
  });
  console.log(`config parser: ${said}`);
});
