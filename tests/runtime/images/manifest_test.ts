/**
 * Manifests and indexes: what is taken, and what is refused with the field's name.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import {
  isIndex,
  type Manifest,
  ManifestError,
  MAX_DOCUMENT,
  MEDIA_TYPE,
  parseConfig,
  parseManifest,
} from "../../../runtime/images/manifest.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const config = { mediaType: MEDIA_TYPE.OCI_CONFIG, digest, size: 10 };
const layer = { mediaType: MEDIA_TYPE.OCI_LAYER_GZIP, digest, size: 20 };
const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.OCI_MANIFEST, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.OCI_INDEX, manifests: [config] };

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

Deno.test("a manifest keeps what is used and drops what is not", () => {
  const document = {
    ...manifest,
    annotations: { a: "b" },
    surprise: 1,
    config: { ...config, x: 1 },
  };
  const parsed = parseManifest(bytes(document), MEDIA_TYPE.OCI_MANIFEST);
  assertEquals(parsed, { ...manifest, annotations: { a: "b" } } as unknown as Manifest);
});

Deno.test("an index keeps each manifest's platform", () => {
  const platform = { os: "linux", architecture: "arm", variant: "v7" };
  const entry = { ...config, platform: { ...platform, "os.version": "1" } };
  const parsed = parseManifest(bytes({ ...index, manifests: [entry] }), "");
  assert(isIndex(parsed));
  assertEquals(parsed.manifests[0].platform, platform);
});

Deno.test("a document that does not say what it is is told by its sender, then by its fields", () => {
  const { mediaType: _, ...bare } = manifest;
  const types = [MEDIA_TYPE.DOCKER_MANIFEST, MEDIA_TYPE.OCI_MANIFEST];
  for (const type of types) assertEquals(parseManifest(bytes(bare), type).mediaType, type);
  for (const type of ["", "application/json", "text/plain"]) {
    assertEquals(parseManifest(bytes(bare), type).mediaType, MEDIA_TYPE.OCI_MANIFEST);
  }
});

Deno.test("a wrong document is refused with its field", () => {
  const cases: [field: string, document: unknown, rule: string][] = [
    ["", "", "is not JSON"],
    ["", "{", "is not JSON"],
    ["", "[]", "not an object"],
    ["", "null", "not an object"],
    ["", `${" ".repeat(MAX_DOCUMENT)}{}`, "more than the 4194304 allowed"],
    ["schemaVersion", { ...manifest, schemaVersion: 3 }, "is 3, not 2"],
    ["schemaVersion", { schemaVersion: 1, fsLayers: [] }, "given up"],
    ["mediaType", { ...manifest, mediaType: 7 }, "not a string"],
    ["mediaType", { ...manifest, mediaType: "text/html" }, "neither a manifest nor an index"],
    ["mediaType", { ...manifest, mediaType: MEDIA_TYPE.OCI_INDEX }, "do not fit"],
    ["mediaType", { ...manifest, mediaType: MEDIA_TYPE.DOCKER_MANIFEST }, "was announced as"],
    ["manifests", { ...index, layers: [] }, "stands beside layers or config"],
    ["manifests", { ...index, config }, "stands beside layers or config"],
    ["manifests", { ...index, manifests: Array(2001).fill(config) }, "2001 entries"],
    ["config", { ...manifest, config: undefined }, "is missing, not an object"],
    ["layers", { ...manifest, layers: {} }, "is {}, not a list"],
    ["layers", { ...manifest, layers: Array(501).fill(layer) }, "501 entries"],
    ["layers[1]", { ...manifest, layers: [layer, 5] }, "is 5, not an object"],
    [
      "layers[0].digest",
      { ...manifest, layers: [{ ...layer, digest: "sha256:../../x" }] },
      "64 hex",
    ],
    ["layers[0].digest", { ...manifest, layers: [{ ...layer, digest: `${digest}\n` }] }, "64 hex"],
    ["layers[0].size", { ...manifest, layers: [{ ...layer, size: -1 }] }, "is -1"],
    ["layers[0].size", { ...manifest, layers: [{ ...layer, size: 1e300 }] }, "is 1e+300"],
    ["layers[0].size", { ...manifest, layers: [{ ...layer, size: "9" }] }, 'is "9"'],
    ["layers[0].mediaType", { ...manifest, layers: [{ ...layer, mediaType: "" }] }, 'is ""'],
    [
      "config.annotations",
      { ...manifest, config: { ...config, annotations: [] } },
      "not an object",
    ],
    ['annotations["a"]', { ...manifest, annotations: { a: 1 } }, "is 1, not a string"],
    ["manifests[0].platform.os", { ...index, manifests: [{ ...config, platform: {} }] }, "missing"],
  ];
  for (const [field, document, rule] of cases) {
    const sent = JSON.stringify(document).includes(MEDIA_TYPE.DOCKER_MANIFEST)
      ? MEDIA_TYPE.OCI_MANIFEST
      : "";
    const error = assertThrows(() => parseManifest(bytes(document), sent), ManifestError, rule);
    assertEquals(error.field, field, error.message);
  }
});

Deno.test("schema 1 is refused whichever way it says so", () => {
  for (const type of ["+json", "+prettyjws"]) {
    const sent = `application/vnd.docker.distribution.manifest.v1${type}`;
    assertThrows(() => parseManifest(bytes({ schemaVersion: 1 }), sent), ManifestError, "skopeo");
  }
});

Deno.test("a document nested a million deep is refused, not recursed into", () => {
  const deep = `{"schemaVersion":2,"layers":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}`;
  assertThrows(() => parseManifest(bytes(deep), ""), ManifestError);
});

Deno.test("what a message quotes cannot steer a terminal", () => {
  const document = { ...manifest, mediaType: "\u001b]0;x\u0007\u009b2J\u202e" };
  const error = assertThrows(() => parseManifest(bytes(document), ""), ManifestError);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f\x7f-\x9f\u202e]/.test(error.message), error.message);
});

Deno.test("a config must name a platform and one diff ID a layer", () => {
  const good = {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [digest] },
  };
  const parsed = manifest as unknown as Manifest;
  assertEquals(parseConfig(bytes(good), parsed).rootfs.diff_ids, [digest]);
  const cases: [field: string, config: unknown][] = [
    ["(config).os", { ...good, os: "" }],
    ["(config).architecture", { ...good, architecture: 1 }],
    ["(config).rootfs", { ...good, rootfs: null }],
    ["(config).rootfs.diff_ids", { ...good, rootfs: { diff_ids: [] } }],
    ["(config).rootfs.diff_ids", { ...good, rootfs: { diff_ids: [digest, digest] } }],
    ["(config).rootfs.diff_ids[0]", { ...good, rootfs: { diff_ids: ["sha256:.."] } }],
    ["(config).config", { ...good, config: "sh" }],
  ];
  for (const [field, config] of cases) {
    const error = assertThrows(() => parseConfig(bytes(config), parsed), ManifestError);
    assertEquals(error.field, field, error.message);
  }
});

Deno.test("what is not a container image says so", () => {
  const helm = {
    ...manifest,
    config: { ...config, mediaType: "application/vnd.cncf.helm.config.v1+json" },
  };
  const error = assertThrows(
    () => parseConfig(bytes({}), helm as unknown as Manifest),
    ManifestError,
  );
  assertStringIncludes(error.message, "this is not a container image");
});
