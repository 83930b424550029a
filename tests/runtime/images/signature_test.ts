/**
 * Signatures: found where cosign leaves them, believed only if every rule is kept.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import { type Descriptor, MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { PublicKey, PublicKeyError } from "../../../runtime/images/public_key.ts";
import { SignatureError, type SignatureRule } from "../../../runtime/images/signature.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { names, noise, start } from "./pull_fixture.ts";
import { fails } from "./registry_client.ts";
import {
  addDocument,
  addSignatures,
  ARTIFACT_TYPE,
  newSigner,
  pem,
  type Signer,
  simpleSigning,
} from "./signing.ts";
import { bytes, run } from "./tarballs.ts";

type Fixture = Awaited<ReturnType<typeof start>>;

const tagOf = (digest: string) => digest.replace(":", "-");

/** A document about `digest`, signed. */
async function signed(it: Fixture, signer: Signer, digest: string): Promise<Descriptor> {
  const payload = simpleSigning(digest);
  return await addDocument(it.registry, payload, (await signer.sign(payload)).toBase64());
}

async function keyOf(signer: Signer): Promise<PublicKey> {
  return await PublicKey.read(signer.pem, "cosign.pub");
}

/** Expects a refusal by these rules, and an empty store after it. */
async function refused(
  it: Fixture,
  key: PublicKey,
  rules: SignatureRule[],
  ...words: string[]
): Promise<void> {
  const error = await assertRejects(() => it.pull(":1", { key }), SignatureError);
  assertEquals(error.refused.map(({ rule }) => rule), rules, error.message);
  for (const word of words) assertStringIncludes(error.message, word);
  assertEquals(await it.store.list(), []);
  assertEquals(names(`${it.store.layout}/blobs/sha256`), []);
  assertEquals(names(`${it.store.root}/cache/downloads`), []);
}

for (const kind of ["P-256", "P-384", "RSA", "Ed25519"] as const) {
  Deno.test(`an image that is signed with ${kind} is pulled, for the right key alone`, async () => {
    await using it = await start();
    const { digest } = it.image.descriptor;
    const signer = await newSigner(kind);
    const document = await signed(it, signer, digest);
    await addSignatures(it.registry, [document], { tag: `${tagOf(digest)}.sig` });
    await refused(it, await keyOf(await newSigner(kind)), ["key"], "not made with this key");
    await refused(it, await keyOf(await newSigner("Ed25519")), ["key"]);
    assertEquals((await it.pull(":1", { key: await keyOf(signer) })).digest, digest);
  });
}

Deno.test("an image without a signature is refused, and told where one was looked for", async () => {
  await using it = await start();
  const { digest } = it.image.descriptor;
  const key = await keyOf(await newSigner());
  await refused(it, key, ["unsigned"], `${tagOf(digest)}.sig`, "referrers", it.registry.host);
});

Deno.test("what is under the signature's tag and is none is no signature", async () => {
  await using it = await start();
  const tag = `${tagOf(it.image.descriptor.digest)}.sig`;
  const key = await keyOf(await newSigner());
  await it.registry.addImage("box", tag, [noise(9, 9)], hostPlatform());
  await refused(it, key, ["unsigned"]);
  await it.registry.addManifest("box", tag, `{"schemaVersion":2`, MEDIA_TYPE.OCI_MANIFEST);
  await refused(it, key, ["unsigned"]);
});

Deno.test("each rule that a signature breaks is named", async () => {
  await using it = await start();
  const { digest } = it.image.descriptor;
  const other = `sha256:${"0".repeat(64)}`;
  const signer = await newSigner();
  const key = await keyOf(signer);
  const sign = async (payload: Uint8Array<ArrayBuffer>) =>
    await addDocument(it.registry, payload, (await signer.sign(payload)).toBase64());
  const right = simpleSigning(digest);
  const good = (await signer.sign(right)).toBase64();
  const cases: [Descriptor, SignatureRule, string][] = [
    [await sign(simpleSigning(other)), "digest", `another image, ${other}`],
    [await sign(simpleSigning(digest, "a git commit")), "malformed", "not about an image"],
    [await sign(bytes("{}")), "malformed", "not about an image"],
    [await sign(bytes(`{"critical":`)), "malformed", "not about an image"],
    [await addDocument(it.registry, right, undefined), "malformed", "no annotation"],
    [await addDocument(it.registry, right, "%%%"), "malformed", "base64"],
    [await addDocument(it.registry, right, ""), "key", "this key"],
    [await addDocument(it.registry, right, "MEUCIQ=="), "key", "this key"],
    [await addDocument(it.registry, simpleSigning(other), good), "key", "this key"],
    [await sign(new Uint8Array(70_000)), "malformed", "65536 are allowed"],
  ];
  const tag = `${tagOf(digest)}.sig`;
  for (const [document, rule, words] of cases) {
    await addSignatures(it.registry, [document], { tag });
    await refused(it, key, [rule], words, document.digest);
  }
  await addSignatures(it.registry, cases.map(([document]) => document), { tag });
  await refused(it, key, cases.map(([, rule]) => rule), "and 5 more");
  // One that is good is enough, wherever it stands.
  const all = [...cases.map(([document]) => document), await sign(right)];
  await addSignatures(it.registry, all, { tag });
  assertEquals((await it.pull(":1", { key })).digest, digest);
});

Deno.test("a document that comes with other bytes than its digest says is refused", async () => {
  await using it = await start();
  const { digest } = it.image.descriptor;
  const signer = await newSigner();
  const document = await signed(it, signer, digest);
  await addSignatures(it.registry, [document], { tag: `${tagOf(digest)}.sig` });
  const lie = simpleSigning(`sha256:${"1".repeat(64)}`);
  it.registry.fault(`GET /v2/box/blobs/${document.digest}`, () => new Response(lie), 1);
  await refused(it, await keyOf(signer), ["payload"], document.digest, "came as sha256:");
});

Deno.test("a DER signature is taken as it must be written, and no other way", async () => {
  const signer = await newSigner();
  const key = await keyOf(signer);
  const message = bytes("message");
  const der = await signer.sign(message);
  assert(await key.verify(der, message));
  const longer = Uint8Array.of(...der, 0);
  const wrongs = [
    longer,
    der.subarray(0, -1),
    der.with(0, 0x31),
    der.with(1, 0x80),
    der.with(2, 3),
  ];
  wrongs.push(der.with(3, 70), der.with(3, 0), Uint8Array.of(0x30, 0), new Uint8Array());
  for (const wrong of wrongs) assertEquals(await key.verify(wrong, message), false);
  for (let i = 0; i < 50; i++) {
    const other = bytes(`message ${i}`);
    assert(await key.verify(await signer.sign(other), other), "numbers with leading zeros");
  }
});

Deno.test("a referrer's signature counts, from the registry's list or the one under a tag", async () => {
  for (const way of ["list", "tag"]) {
    await using it = await start();
    const { descriptor: subject } = it.image;
    const signer = await newSigner();
    const document = await signed(it, signer, subject.digest);
    const referrer = await addSignatures(it.registry, [document], { subject });
    const sbom = {
      ...referrer,
      digest: `sha256:${"2".repeat(64)}`,
      artifactType: "text/spdx+json",
    };
    const mediaType = MEDIA_TYPE.OCI_INDEX;
    const manifests = [sbom, { ...referrer, artifactType: ARTIFACT_TYPE }];
    const index = { schemaVersion: 2, mediaType, manifests };
    const path = `GET /v2/box/referrers/${subject.digest}`;
    if (way === "list") it.registry.fault(path, () => Response.json(index));
    else await it.registry.addManifest("box", tagOf(subject.digest), index, mediaType);
    await refused(it, await keyOf(await newSigner()), ["key"]);
    assertEquals((await it.pull(":1", { key: await keyOf(signer) })).digest, subject.digest);
    assertEquals(it.registry.count(`${path}?artifactType=`) > 0, true);
    assertEquals(it.registry.count(`GET /v2/box/manifests/${sbom.digest}`), 0, "not a signature");
  }
});

Deno.test("what is verified is what is pulled: an index, or the manifest that a tag has now", async () => {
  await using it = await start();
  const mediaType = MEDIA_TYPE.OCI_INDEX;
  const index = { schemaVersion: 2, mediaType, manifests: [it.image.descriptor] };
  const top = await it.registry.addManifest("box", "all", index, mediaType);
  const signer = await newSigner();
  const key = await keyOf(signer);
  // A signature of the manifest says nothing of an index that somebody else may have made.
  const child = it.image.descriptor.digest;
  await addSignatures(it.registry, [await signed(it, signer, child)], {
    tag: `${tagOf(child)}.sig`,
  });
  await assertRejects(() => it.pull(":all", { key }), SignatureError, top.digest);
  await addSignatures(it.registry, [await signed(it, signer, top.digest)], {
    tag: `${tagOf(top.digest)}.sig`,
  });
  const pulled = await it.pull(":all", { key });
  assertEquals([pulled.digest, pulled.descriptor.digest], [top.digest, child]);

  // The tag moves to an image that nobody has signed.
  await it.registry.addImage("box", "all", [noise(9, 5)], hostPlatform());
  await assertRejects(() => it.pull(":all", { key }), SignatureError, "none for it");
  assertEquals((await it.store.find(pulled.name))?.digest, child, "the name stays where it was");
});

Deno.test("an image that is there already is verified all the same", async () => {
  await using it = await start();
  await it.pull();
  const { digest } = it.image.descriptor;
  const key = await keyOf(await newSigner());
  await assertRejects(() => it.pull(`@${digest}`, { key }), SignatureError);
});

Deno.test("a registry that fails is not one without signatures", async () => {
  await using it = await start();
  const key = await keyOf(await newSigner());
  const path = `GET /v2/box/manifests/${tagOf(it.image.descriptor.digest)}.sig`;
  it.registry.fault(path, () => new Response("", { status: 403 }));
  await fails(() => it.pull(":1", { key }), "denied");
});

Deno.test("a file that is no key to verify with is refused with what it is", async () => {
  const small = await newSigner("small RSA");
  const cases: [string, string][] = [
    ["", "not a public key in PEM"],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "not a public key in PEM"],
    [pem("PRIVATE KEY", bytes("secret")), "a private key"],
    [pem("ENCRYPTED SIGSTORE PRIVATE KEY", bytes("secret")), "a private key"],
    [pem("PUBLIC KEY", bytes("no key at all")), "its kind is not known"],
    [small.pem, "of 1024 bits"],
  ];
  for (const [text, words] of cases) {
    await assertRejects(() => PublicKey.read(text, "my.pub"), PublicKeyError, words);
  }
});

Deno.test({
  ...needs("keys and signatures that openssl makes are good", { programs: ["openssl"] }),
  async fn() {
    await using root = await tempRoot();
    const [secret, open, message] = ["key", "key.pub", "message"].map((name) =>
      `${root.path}/${name}`
    );
    await Deno.writeFile(message, simpleSigning(`sha256:${"3".repeat(64)}`));
    const kinds = [
      ["EC", "ec_paramgen_curve:P-256"],
      ["EC", "ec_paramgen_curve:P-384"],
      ["RSA", "rsa_keygen_bits:3072"],
    ];
    for (const [algorithm, option] of kinds) {
      await run("openssl", "genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", secret);
      await run("openssl", "pkey", "-in", secret, "-pubout", "-out", open);
      const signature = await run("openssl", "dgst", "-sha256", "-sign", secret, message);
      const key = await PublicKey.read(await Deno.readTextFile(open), open);
      assert(await key.verify(signature, await Deno.readFile(message)), option);
      assertEquals(await key.verify(signature, bytes("another")), false, option);
    }
  },
});
