/**
 * `--mount`: pairs of a key and a value that say in words what is mounted.
 *
 * @module
 */

import { didYouMean } from "../../runtime/words.ts";
import { type UsageError, wrongValue } from "./grammar.ts";
import { hostPath, statOf } from "./paths.ts";
import { bind, mountPoint, PROPAGATIONS, type Storage, volume } from "./storage_kinds.ts";
import { checkTmpfsOption } from "./tmpfs.ts";
import { parseSize } from "./values.ts";

/** The other names of a key. */
const ALIASES: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
};

/** The keys of each type beside `type`, `target` and `readonly`. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  bind: ["source", "bind-propagation", "bind-recursive", "bind-nonrecursive", "consistency"],
  volume: ["source", "volume-nocopy", "consistency"],
  tmpfs: ["tmpfs-size", "tmpfs-mode"],
};

/** A mount's keys, and what is wrong with it. */
interface Description {
  get(key: string): string | undefined;
  /** A key that is true or false, and true where it stands alone. */
  is(key: string): boolean;
  wrong(problem: string): UsageError;
}

/** Reads one `--mount`. */
export function readMount(text: string): Storage {
  const wrong = (problem: string) => wrongValue("mount", text, problem);
  const pairs = new Map(
    splitFields(text).map((field) => {
      const equals = field.indexOf("=");
      const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
      return [ALIASES[key] ?? key, equals < 0 ? undefined : field.slice(equals + 1)];
    }),
  );
  const type = pairs.get("type") ?? "volume";
  if (!Object.hasOwn(KEYS, type)) {
    throw wrong(`has the unknown type "${type}"; there are bind, volume and tmpfs`);
  }
  const known = ["type", "target", "readonly", ...KEYS[type]];
  for (const [key, value] of pairs) {
    if (!known.includes(key)) {
      throw wrong(`has "${key}", which type=${type} has not${didYouMean(key, known)}`);
    }
    if (value === undefined && !SWITCHES.includes(key)) throw wrong(`has no value for "${key}"`);
  }
  const description: Description = {
    get: (key) => pairs.get(key),
    is: (key) => isTrue(key, pairs.has(key) ? pairs.get(key) ?? "true" : "false", wrong),
    wrong,
  };
  const target = pairs.get("target");
  if (target === undefined) throw wrong("needs a target, the path in the container");
  const destination = mountPoint("mount", target);
  if (type === "tmpfs") return readTmpfs(description, destination);
  return type === "bind"
    ? readBind(description, destination)
    : readVolume(description, destination);
}

/** Keys that mean something when they stand alone. */
const SWITCHES = ["readonly", "volume-nocopy", "bind-nonrecursive"];

function isTrue(key: string, value: string, wrong: (problem: string) => UsageError): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw wrong(`has "${value}" for ${key}, which is true or false`);
}

/** A directory or file of the host's, which must be there. */
function readBind({ get, is, wrong }: Description, destination: string): Storage {
  const source = get("source");
  if (!source) throw wrong("needs a source, the path on the host");
  const path = hostPath(source);
  if (!statOf(path)) throw wrong(`has a source that is not there: ${path}`);
  const options = recursion(get("bind-recursive") ?? "enabled", is("readonly"), wrong);
  if (is("bind-nonrecursive") && !options.includes("bind")) options.push("bind");
  const propagation = get("bind-propagation");
  if (propagation !== undefined) {
    if (!PROPAGATIONS.includes(propagation)) {
      throw wrong(
        `has "${propagation}" for bind-propagation; there are ${PROPAGATIONS.join(", ")}`,
      );
    }
    options.push(propagation);
  }
  return bind(path, destination, options);
}

/** What of the mounts below the source comes along, and whether they are read-only too. */
function recursion(
  value: string,
  isReadonly: boolean,
  wrong: (problem: string) => UsageError,
): string[] {
  if (value === "enabled" || value === "readonly") {
    if (value === "readonly" && !isReadonly) {
      throw wrong("needs readonly for bind-recursive=readonly");
    }
    return isReadonly ? ["rro"] : [];
  }
  if (value === "disabled") return isReadonly ? ["bind", "ro"] : ["bind"];
  if (value === "writable") return isReadonly ? ["ro"] : [];
  throw wrong(
    `has "${value}" for bind-recursive; there are enabled, disabled, writable and readonly`,
  );
}

function readVolume({ get, is, wrong }: Description, destination: string): Storage {
  const name = get("source");
  if (name === "") throw wrong("has an empty source: name a volume, or leave the key out");
  const options = is("readonly") ? ["rro"] : [];
  return volume("mount", name, destination, options, is("volume-nocopy"));
}

function readTmpfs({ get, is }: Description, destination: string): Storage {
  const [size, mode] = [get("tmpfs-size"), get("tmpfs-mode")];
  const options = is("readonly") ? ["ro"] : [];
  if (size !== undefined) options.push(`size=${parseSize("mount", size)}`);
  if (mode !== undefined) {
    checkTmpfsOption("mount", `tmpfs-mode=${mode}`, `mode=${mode}`);
    options.push(`mode=${mode}`);
  }
  return { kind: "tmpfs", destination, options };
}

/** The fields between commas; one in double quotes may have commas in it, and `""` for a quote. */
function splitFields(text: string): string[] {
  const fields: string[] = [];
  for (const [, quoted, plain] of text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))/g)) {
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
  }
  return fields;
}
