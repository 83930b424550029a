/**
 * Platforms: which of an index's manifests is for this machine.
 *
 * OCI image-spec v1.1, image-index.md, "platform"; the names are Go's.
 *
 * @module
 */

import type { Descriptor, Platform } from "./manifest.ts";

/** Names that other worlds have for Go's. */
const ARCHITECTURES: Record<string, string> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm",
  i386: "386",
};

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: ARCHITECTURES[Deno.build.arch] ?? Deno.build.arch };
}

/**
 * Reads `linux/arm64/v8`, or `arm64` alone.
 *
 * @throws {TypeError} if the text is not a platform that a Linux machine can have
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  if (parts.length === 1) parts.unshift("linux");
  const [os, name, variant] = parts;
  if (os !== "linux" || parts.length > 3 || !parts.every((part) => /^[\w.-]+$/.test(part))) {
    throw new TypeError(
      `platform ${JSON.stringify(text)} is not linux/ARCHITECTURE[/VARIANT], as linux/arm64`,
    );
  }
  const architecture = ARCHITECTURES[name] ?? name;
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

/** A platform as it is written on a command line. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join("/");
}

/** Whether an image for `offered` is what somebody wants who says `wanted`. */
export function platformFits(offered: Platform, wanted: Platform): boolean {
  return rank(offered, wanted) >= 0;
}

/**
 * The manifest that fits best, if one fits.
 *
 * Among equals the first wins, as the specification has it. What has no platform is taken only if
 * there is nothing else in the index.
 */
export function choosePlatform(manifests: Descriptor[], wanted: Platform): Descriptor | undefined {
  if (manifests.length === 1 && manifests[0].platform === undefined) return manifests[0];
  let best: Descriptor | undefined;
  for (const each of manifests) {
    if (each.platform === undefined || rank(each.platform, wanted) < 0) continue;
    if (best === undefined || rank(each.platform, wanted) > rank(best.platform!, wanted)) {
      best = each;
    }
  }
  return best;
}

/** How well `offered` serves `wanted`: below zero not at all. */
function rank(offered: Platform, wanted: Platform): number {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return -1;
  const [has, wants] = [level(offered), level(wanted)];
  // A processor runs what was made for an older one of its kind. Whoever names no variant gets the
  // one that every machine of the architecture runs.
  if (Number.isNaN(has) || Number.isNaN(wants)) return offered.variant === wanted.variant ? 0 : -1;
  return has > wants ? -1 : has;
}

/** The number in a variant, or the one that is meant where there is none. */
function level({ architecture, variant }: Platform): number {
  const usual = { amd64: 1, arm64: 8, arm: 7 }[architecture] ?? 0;
  return variant ? Number(variant.replace(/^v(?=\d)/, "")) : usual;
}
