/**
 * An image's word on its containers, checked: it comes from a stranger.
 *
 * @module
 */

import { anyText, array, type Check, integer, map, object } from "../validate/checks.ts";
import type { ImageConfig, ImageDefaults, ImageHealthcheck } from "./image.ts";
import { ImageConfigError } from "./process.ts";

/** Go's largest number: what Docker writes is of its type `int64`. */
const LONGEST = 2 ** 63;

/** The fields that a container is made from, as Docker writes them: null where there is nothing. */
const imageDefaults = object<ImageDefaults>({
  User: nullable(anyText),
  ExposedPorts: nullable(map(anyText, () => undefined)),
  Env: nullable(array(anyText)),
  Entrypoint: nullable(array(anyText)),
  Cmd: nullable(array(anyText)),
  Volumes: nullable(map(anyText, () => undefined)),
  WorkingDir: nullable(anyText),
  Labels: nullable(map(anyText, anyText)),
  StopSignal: nullable(anyText),
  Healthcheck: nullable(object<ImageHealthcheck>({
    Test: nullable(array(anyText)),
    Interval: integer(0, LONGEST, "nanoseconds"),
    Timeout: integer(0, LONGEST, "nanoseconds"),
    StartPeriod: integer(0, LONGEST, "nanoseconds"),
    StartInterval: integer(0, LONGEST, "nanoseconds"),
    Retries: integer(0, LONGEST),
  })),
  Shell: nullable(array(anyText)),
});

/** A check that lets null pass. */
function nullable<T>(check: Check<T>): Check<T | null> {
  return (value) => value === null ? undefined : check(value);
}

/**
 * The fields that a spec is made from.
 *
 * @throws {ImageConfigError} for one that is not what it should be
 */
export function checkedDefaults(config: ImageConfig["config"]): ImageDefaults {
  const problem = config ? imageDefaults(config) : undefined;
  if (!problem) return config ?? {};
  const path = problem.path === "" ? "config" : `config.${problem.path}`;
  throw new ImageConfigError(path, problem.text);
}
