/**
 * Changes to what an image starts with, as lines of a Dockerfile: `import --change 'CMD ["sh"]'`.
 *
 * @module
 */

import type { ImageDefaults } from "../image_config.ts";

/** A change that is not one; the message quotes it. */
export class ChangeError extends Error {
  /** The class's name, for messages. */
  override name = "ChangeError";

  /** Quotes the line, and says what is wrong with it. */
  constructor(change: string, problem: string) {
    super(`change ${JSON.stringify(change)}: ${problem}`);
  }
}

type Change = (defaults: ImageDefaults, rest: string) => void;

const CHANGES: Record<string, Change> = {
  CMD: (defaults, rest) => void (defaults.Cmd = command(rest)),
  ENTRYPOINT: (defaults, rest) => void (defaults.Entrypoint = command(rest)),
  USER: (defaults, rest) => void (defaults.User = rest),
  WORKDIR: (defaults, rest) => {
    // As in a Dockerfile, a relative directory is relative to the last.
    const from = (defaults.WorkingDir ?? "").replace(/\/$/, "");
    defaults.WorkingDir = rest.startsWith("/") ? rest : `${from}/${rest}`;
  },
  STOPSIGNAL: (defaults, rest) => void (defaults.StopSignal = rest),
  ENV: (defaults, rest) => {
    for (const [key, value] of assignments(rest)) {
      const others = (defaults.Env ?? []).filter((each) => !each.startsWith(`${key}=`));
      defaults.Env = [...others, `${key}=${value}`];
    }
  },
  LABEL: (defaults, rest) => {
    defaults.Labels = { ...defaults.Labels, ...Object.fromEntries(assignments(rest)) };
  },
  EXPOSE: (defaults, rest) => {
    const ports = rest.split(/\s+/).map((port) => port.includes("/") ? port : `${port}/tcp`);
    const wrong = ports.find((port) => !/^\d{1,5}(-\d{1,5})?\/(tcp|udp|sctp)$/.test(port));
    if (wrong) throw new Error(`${wrong} is not PORT, PORT/tcp or PORT/udp`);
    defaults.ExposedPorts = { ...defaults.ExposedPorts, ...asKeys(ports) };
  },
  VOLUME: (defaults, rest) => {
    const paths = rest.startsWith("[") ? command(rest) : rest.split(/\s+/);
    defaults.Volumes = { ...defaults.Volumes, ...asKeys(paths) };
  },
};

/**
 * What an image starts with after the changes, which are made in their order.
 *
 * @throws {ChangeError} naming the change that is not one
 */
export function applyChanges(defaults: ImageDefaults, changes: readonly string[]): ImageDefaults {
  const changed = structuredClone(defaults);
  for (const change of changes) {
    const [, word = "", rest = ""] = /^\s*(\S+)\s+([^]*?)\s*$/.exec(change) ?? [];
    const apply = Object.hasOwn(CHANGES, word.toUpperCase())
      ? CHANGES[word.toUpperCase()]
      : undefined;
    if (!apply) {
      throw new ChangeError(change, `expected ${Object.keys(CHANGES).join(", ")} and a value`);
    }
    try {
      apply(changed, rest);
    } catch (error) {
      throw new ChangeError(change, (error as Error).message);
    }
  }
  return changed;
}

/** `["a", "b"]` as it is; anything else is for the shell. */
function command(text: string): string[] {
  if (!text.startsWith("[")) return ["/bin/sh", "-c", text];
  const words = JSON.parse(text);
  if (words.every((word: unknown) => typeof word === "string")) return words;
  throw new Error("the list holds something else than strings");
}

/** `a=1 b="2 3"`, or the older `a 1 2`. */
function assignments(text: string): [key: string, value: string][] {
  const old = /^([^\s=]+)\s+([^]+)$/.exec(text);
  if (old) return [[old[1], old[2]]];
  const word = /([^\s="']+)=((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])*)(?:\s+|$)/gy;
  const found = [...text.matchAll(word)];
  if (found.length === 0 || found.reduce((sum, [whole]) => sum + whole.length, 0) !== text.length) {
    throw new Error("expected KEY=VALUE");
  }
  return found.map(([, key, value]) => [key, unquote(value)]);
}

function unquote(text: string): string {
  return text.replace(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
    (_, double?: string, single?: string, escaped?: string) => {
      return double?.replace(/\\(["\\$])/g, "$1") ?? single ?? escaped ?? "";
    },
  );
}

function asKeys(names: string[]): Record<string, Record<never, never>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}
