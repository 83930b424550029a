/**
 * `--filter` of lists of containers: which of them are meant, in Docker's words.
 *
 * @module
 */

import type { ContainerInfo } from "../../runtime/containers.ts";
import { readHealth } from "../../runtime/health_file.ts";
import { wrongValue } from "./grammar.ts";
import { parseMoment } from "./times.ts";
import { hasLabel, parsePair, parseWhole, parseWord } from "./values.ts";

/** Whether a container is meant. */
export type ContainerFilter = (info: ContainerInfo) => boolean;

const STATES = ["created", "running", "paused", "restarting", "exited"] as const;
const HEALTHS = ["starting", "healthy", "unhealthy", "none"] as const;

/** What `ps` can be asked for, a reader for each: it gets the value, and the whole for errors. */
const FILTERS: Readonly<Record<string, (value: string, text: string) => ContainerFilter>> = {
  id: (value) => ({ id }) => id.startsWith(value),
  name: (value) => ({ record }) => record.name?.includes(value.replace(/^\//, "")) ?? false,
  label: (value) => ({ record }) => hasLabel(record.labels ?? {}, value),
  status: (value) => {
    const wanted = parseWord("filter status", value, STATES);
    return ({ state }) => state === wanted;
  },
  exited: (value) => {
    const code = parseWhole("filter exited", value, 0, 255);
    return ({ state, status }) => state === "exited" && status?.exit.code === code;
  },
  health: (value) => {
    const wanted = parseWord("filter health", value, HEALTHS);
    return ({ directory }) => (readHealth(directory) ?? "none") === wanted;
  },
  ancestor: (value) => ({ record }) => isImage(record.image, value) || isDigest(record, value),
  network: (value) => ({ record: { request: { network, options } } }) => {
    const names = network?.networks?.map(({ name }) => name);
    return options.network === value || (names ?? ["bridge"]).includes(value);
  },
  volume: (value) => ({ record: { request: { volumes = [], options } } }) =>
    volumes.some(({ name, destination }) => name === value || destination === value) ||
    (options.mounts ?? []).some((mount) => mount.source === value || mount.destination === value),
};

/** Reads the filters of `ps`: of those of the same kind one has to fit, of each kind some. */
export function containerFilter(texts: readonly string[] = []): ContainerFilter {
  const kinds = new Map<string, ContainerFilter[]>();
  for (const text of texts) {
    const [key, value] = parsePair("filter", text);
    if (!Object.hasOwn(FILTERS, key)) {
      const known = Object.keys(FILTERS).map((name) => `${name}=…`).join(", ");
      throw wrongValue("filter", text, `is none of ${known}`);
    }
    kinds.set(key, [...kinds.get(key) ?? [], FILTERS[key](value, text)]);
  }
  // labels are properties that a container can have side by side
  return (info) =>
    [...kinds].every(([key, filters]) =>
      key === "label" ? filters.every((fits) => fits(info)) : filters.some((fits) => fits(info))
    );
}

/** Reads the filters of `prune`: `until=…`, `label=…`, `label!=…`; all have to fit. */
export function pruneFilter(texts: readonly string[] = []): ContainerFilter {
  const filters = texts.map((text): ContainerFilter => {
    const [key, value] = parsePair("filter", text);
    if (key === "until") {
      const limit = parseMoment(text, value);
      return ({ record }) => Date.parse(record.created) < limit;
    }
    if (key === "label" || key === "label!") {
      return ({ record }) => hasLabel(record.labels ?? {}, value) === (key === "label");
    }
    throw wrongValue("filter", text, "is neither until=… nor label=…");
  });
  return (info) => filters.every((fits) => fits(info));
}

/** Whether an image's full name is meant by a shorter one, with or without its tag. */
function isImage(name: string, wanted: string): boolean {
  const short = name.replace(/^docker\.io\/(library\/)?/, "");
  return [name, short, short.replace(/:[^:/]*$/, "")].includes(wanted);
}

function isDigest({ request: { from } }: ContainerInfo["record"], wanted: string): boolean {
  if (typeof from === "string" || wanted.length < 6) return false;
  return from.id.startsWith(wanted) || from.id.slice("sha256:".length).startsWith(wanted);
}
