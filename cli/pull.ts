/**
 * `pull`: fetch images from their registries.
 *
 * @module
 */

import type { PublicKey } from "../runtime/images/public_key.ts";
import type { PullOptions } from "../runtime/images/pull.ts";
import type { Reference } from "../runtime/images/reference.ts";
import { type FlagTable, parseFlags, UsageError, wrongValue } from "./flags/grammar.ts";
import { LIMIT_FLAGS, readLimits } from "./flags/layer_limits.ts";
import { readPlatform } from "./flags/platform.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  "all-tags": { short: "a", help: "take every tag of the repository" },
  platform: { value: "PLATFORM", help: "take the image for this platform: linux/arm64" },
  quiet: { short: "q", help: "print the name alone" },
  verify: { value: "KEY", help: "only what the owner of this public key has signed with cosign" },
  ...LIMIT_FLAGS,
} as const satisfies FlagTable;

/** The help of `pull`. */
export const help: Help = {
  usage: "pull [FLAGS] NAME…",
  summary: "fetch an image from a registry",
  about: [
    "A name is [HOST[:PORT]/]PATH[:TAG][@DIGEST]. Without a host it is one on Docker Hub, without " +
    "a tag the tag is latest. Hosts that are this machine are spoken to by plain HTTP.",
    "Credentials are those that docker login has left in ~/.docker/config.json. Mirrors, registries " +
    "without TLS and authorities of one's own stand in ~/.config/tiffin/registries.json, or in /etc. " +
    "HTTP_PROXY, HTTPS_PROXY and NO_PROXY are obeyed.",
    "--verify takes a file with an ECDSA, RSA or Ed25519 key in PEM, as cosign.pub. What the name " +
    "stands for in the registry must be signed with it, or nothing is kept.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "pull alpine", does: "the same as docker.io/library/alpine:latest" },
    { command: "pull 127.0.0.1:5000/app:1.2", does: "from a registry on this machine" },
    { command: "pull --platform linux/arm64 alpine", does: "for another kind of machine" },
    { command: "pull --verify cosign.pub ghcr.io/me/app", does: "if it is signed by me" },
  ],
};

/** Pulls each of the images. */
export async function pull(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("pull needs an image's name, as in: pull alpine");
  const limits = readLimits(flags);
  const platform = flags.platform === undefined ? undefined : readPlatform(flags.platform);
  const [images, { parseReference, canonicalName, familiarName }, { ImageStore }, { UnpackTeam }] =
    await Promise.all([
      import("../runtime/images/pull.ts"),
      import("../runtime/images/reference.ts"),
      import("../runtime/images/store.ts"),
      import("../runtime/images/unpack_team.ts"),
    ]);
  // A name that is wrong is found before the first image is fetched.
  const named = operands.map(parseReference);
  if (flags["all-tags"]) checkUntagged(operands, named);
  const key = flags.verify === undefined ? undefined : await readKey(flags.verify);
  const store = new ImageStore(root);
  using team = new UnpackTeam(limits);
  for (const name of named) {
    await using watch = new PullWatch(flags.quiet);
    const { onEvent, signal } = watch;
    const options: PullOptions = { platform, key, onEvent, signal, unpack: team.unpack.bind(team) };
    for (const reference of flags["all-tags"] ? await allTags(name, signal) : [name]) {
      const { digest, changed } = await images.pull(store, reference, options);
      await watch.clear();
      if (!flags.quiet) {
        const what = changed ? "Downloaded newer image" : "Image is up to date";
        const signed = key ? `Signature: made with ${flags.verify}\n` : "";
        print(`Digest: ${digest}\n${signed}Status: ${what} for ${familiarName(reference)}\n`);
      }
      print(`${canonicalName(reference)}\n`);
    }
  }
  return 0;
}

/** Docker refuses a tag beside the flag as well. */
function checkUntagged(operands: string[], named: Reference[]): void {
  const tagged = named.findIndex(({ tag, digest }, index) =>
    digest !== undefined || operands[index].endsWith(`:${tag}`)
  );
  if (tagged < 0) return;
  throw new UsageError(`--all-tags takes a name without tag and digest, not ${operands[tagged]}`);
}

async function readKey(path: string): Promise<PublicKey> {
  const { PublicKey } = await import("../runtime/images/public_key.ts");
  try {
    return await PublicKey.read(await Deno.readTextFile(path), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw wrongValue("verify", path, "is not a file: it is that of a public key, as cosign.pub");
  }
}

async function allTags(name: Reference, signal: AbortSignal): Promise<Reference[]> {
  const { listTags } = await import("../runtime/images/tags.ts");
  const tags = await listTags(name, { signal });
  // Signatures and lists of referrers are kept under tags as well, and are no images to run.
  const images = tags.filter((tag) => !/^sha256-[0-9a-f]{64}(\.\w+)?$/.test(tag));
  return images.map((tag) => ({ ...name, tag }));
}
