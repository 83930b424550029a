/**
 * `pull`: fetch images from their registries.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { readPlatform } from "./flags/platform.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  platform: { value: "PLATFORM", help: "take the image for this platform: linux/arm64" },
  quiet: { short: "q", help: "print the name alone" },
} as const satisfies FlagTable;

/** The help of `pull`. */
export const help: Help = {
  usage: "pull [FLAGS] NAME…",
  summary: "fetch an image from a registry",
  about: [
    "A name is [HOST[:PORT]/]PATH[:TAG][@DIGEST]. Without a host it is one on Docker Hub, without " +
    "a tag the tag is latest. Hosts that are this machine are spoken to by plain HTTP.",
    "Credentials are those that docker login has left in ~/.docker/config.json.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "pull alpine", does: "the same as docker.io/library/alpine:latest" },
    { command: "pull 127.0.0.1:5000/app:1.2", does: "from a registry on this machine" },
    { command: "pull --platform linux/arm64 alpine", does: "for another kind of machine" },
  ],
};

/** Pulls each of the images. */
export async function pull(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("pull needs an image's name, as in: pull alpine");
  const [images, { parseReference, canonicalName, familiarName }, { ImageStore }, { UnpackTeam }] =
    await Promise.all([
      import("../runtime/images/pull.ts"),
      import("../runtime/images/reference.ts"),
      import("../runtime/images/store.ts"),
      import("../runtime/images/unpack_team.ts"),
    ]);
  const platform = flags.platform === undefined ? undefined : readPlatform(flags.platform);
  // A name that is wrong is found before the first image is fetched.
  const references = operands.map(parseReference);
  using team = new UnpackTeam();
  for (const reference of references) {
    await using watch = flags.quiet ? undefined : new PullWatch();
    const { digest, changed } = await images.pull(new ImageStore(root), reference, {
      platform,
      unpack: team.unpack.bind(team),
      onEvent: watch?.onEvent,
      signal: watch?.signal,
    });
    await watch?.[Symbol.asyncDispose]();
    const name = familiarName(reference);
    const status = changed
      ? `Downloaded newer image for ${name}`
      : `Image is up to date for ${name}`;
    if (!flags.quiet) print(`Digest: ${digest}\nStatus: ${status}\n`);
    print(`${canonicalName(reference)}\n`);
  }
  return 0;
}
