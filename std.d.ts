/**
 * The types of the parts of `@std` that Tiffin uses.
 *
 * deno.json maps `@std/…` to `npm:deno-std`, which is the same code without its types, and an
 * import that has no types is `any`, also when its name is misspelt. So each entry point in the map
 * is declared here, and `tests/project_test.ts` fails where the two lists differ.
 *
 * The signatures follow {@link https://jsr.io/@std}. `parseArgs` is narrower than the original: the
 * options that are declared here are the ones whose result type is exact.
 */

declare module "@std/assert/assert" {
  /** Fail unless `expr` is truthy; the compiler narrows its type. */
  export function assert(expr: unknown, msg?: string): asserts expr;
}

declare module "@std/assert/equals" {
  /** Fail unless both are deeply equal; the error shows their difference. */
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
}

declare module "@std/assert/greater" {
  /** Fail unless `actual > expected`. */
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
}

declare module "@std/assert/match" {
  /** Fail unless the expression matches. */
  export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
}

declare module "@std/assert/not-equals" {
  /** Fail if both are deeply equal. */
  export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
}

declare module "@std/assert/rejects" {
  /** Fail unless `fn` returns a promise that rejects; gives what it rejected with. */
  export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  /** Also fail unless it is an `ErrorClass` whose message includes `msgIncludes`. */
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    ErrorClass: abstract new (...args: never[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
}

declare module "@std/assert/string-includes" {
  /** Fail unless `actual` contains `expected`. */
  export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
}

declare module "@std/assert/throws" {
  /** Fail unless `fn` throws; gives what it threw. */
  export function assertThrows(fn: () => unknown, msg?: string): unknown;
  /** Also fail unless it is an `ErrorClass` whose message includes `msgIncludes`. */
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    ErrorClass: abstract new (...args: never[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): E;
}

declare module "@std/cli/parse-args" {
  /** Values of flags that are not given; undefined tells "not given" from false. */
  export type Defaults<B extends string, S extends string> =
    & { readonly [K in B]?: boolean | undefined }
    & { readonly [K in S]?: string | readonly string[] | undefined };

  /** What `parseArgs` is told: which flags exist, and what each of them takes. */
  export interface ParseOptions<B extends string, S extends string, C extends string, D> {
    /** Flags without a value; false where not given and `default` says nothing. */
    boolean?: readonly B[];
    /** Flags with a value that stays a string. */
    string?: readonly S[];
    /** Those of the above that may be repeated; an empty list where not given. */
    collect?: readonly C[];
    /** Booleans that understand `--no-NAME`. */
    negatable?: readonly B[];
    /** Values of flags that are not given. */
    default?: D;
    /** Other names of a flag. */
    alias?: Readonly<Record<string, string | readonly string[]>>;
    /** Put what follows a `--` in `"--"` instead of at the end of `_`. */
    "--"?: boolean;
    /** Leave everything after the first operand alone, in `_`. */
    stopEarly?: boolean;
    /** Called for an operand, or a flag that is not declared; false drops it. */
    unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }

  /** What a flag that is not given is: its default, else `Otherwise`. */
  type Absent<K extends PropertyKey, D, Otherwise> = K extends keyof D ? D[K] : Otherwise;

  /** What `parseArgs` found. A flag that was not declared is `unknown`. */
  export type Args<B extends string, S extends string, C extends string, D> =
    & { [K in Exclude<B, C>]: boolean | Absent<K, D, false> }
    & { [K in Exclude<S, C | "_">]: string | Absent<K, D, undefined> }
    & { [K in Extract<S, C>]: string[] }
    & { [K in Extract<B, C>]: boolean[] }
    & { _: "_" extends S ? string[] : (string | number)[]; "--"?: string[] }
    & { [name: string]: unknown };

  /** Parse a command line. Operands are in `_`; with `"_"` in `string` they all stay strings. */
  export function parseArgs<
    const B extends string = never,
    const S extends string = never,
    const C extends B | S = never,
    const D extends Defaults<B, S> = Record<never, never>,
  >(args: string[], options?: ParseOptions<B, S, C, D>): Args<B, S, C, D>;
}

declare module "@std/path/posix/resolve" {
  /** Make a path absolute, taking the working directory as its start. */
  export function resolve(...pathSegments: string[]): string;
}

declare module "dns-packet" {
  /** Messages of the domain name system, RFC 1035, as values and as bytes. */
  namespace packet {
    /** What is asked for. */
    interface Question {
      /** `A`, `AAAA`, `PTR` … */
      type: string;
      /** The name, without a dot at its end. */
      name: string;
    }
    /** What is known, as far as it is written or looked at here. */
    interface Answer extends Question {
      /** Seconds for which it may be remembered. */
      ttl?: number;
      /** An address, or a name. */
      data?: string;
      /** `OPT`: how long an answer over UDP may be. */
      udpPayloadSize?: number;
      /** `OPT`: its flags. */
      flags?: number;
      /** `OPT`: its options. */
      options?: unknown[];
    }
    /** A message. */
    interface Packet {
      /** Which of the two it is. */
      type: "query" | "response";
      /** The number that the answer has too. */
      id: number;
      /** The bits of its header, the result's code among them. */
      flags: number;
      /** What is asked for. */
      questions: Question[];
      /** What is known. */
      answers: Answer[];
      /** Who would know. */
      authorities: Answer[];
      /** What may be of use beside it. */
      additionals: Answer[];
    }
    /** Reads a message. */
    function decode(bytes: Uint8Array): Packet;
    /** Writes a message. */
    function encode(message: Packet): Uint8Array;
    /** Flags of a message's header. */
    const AUTHORITATIVE_ANSWER: number;
    const TRUNCATED_RESPONSE: number;
    const RECURSION_DESIRED: number;
    const RECURSION_AVAILABLE: number;
  }
  export default packet;
}

declare module "@std/testing/snapshot" {
  /** How a snapshot is compared and where it is kept. */
  export interface SnapshotOptions<T = unknown> {
    /** The directory of the snapshot file, relative to the test. */
    dir?: string;
    /** The path of the snapshot file, relative to the test. */
    path?: string;
    /** The snapshot's name; the test's own otherwise. */
    name?: string;
    /** What the failure says. */
    msg?: string;
    /** How the value becomes text. */
    serializer?: (actual: T) => string;
  }

  /** Fail unless the value equals the stored one; `deno test … -- --update` stores it. */
  export function assertSnapshot<T>(
    context: Deno.TestContext,
    actual: T,
    options?: SnapshotOptions<T> | string,
  ): Promise<void>;
}
