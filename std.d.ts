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

declare module "@std/assert/exists" {
  /** Fail if `actual` is null or undefined. */
  export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;
}

declare module "@std/assert/greater" {
  /** Fail unless `actual > expected`. */
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
}

declare module "@std/assert/instance-of" {
  /** Fail unless `actual instanceof expectedType`. */
  export function assertInstanceOf<T extends abstract new (...args: never[]) => unknown>(
    actual: unknown,
    expectedType: T,
    msg?: string,
  ): asserts actual is InstanceType<T>;
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

declare module "@std/path/posix/basename" {
  /** The last part of a path, without `suffix`. */
  export function basename(path: string, suffix?: string): string;
}

declare module "@std/path/posix/dirname" {
  /** A path without its last part. */
  export function dirname(path: string): string;
}

declare module "@std/path/posix/join" {
  /** Join paths and normalize the result. */
  export function join(path?: string | URL, ...paths: string[]): string;
}

declare module "@std/path/posix/normalize" {
  /** Resolve `.`, `..` and doubled slashes in a path, without looking at the disk. */
  export function normalize(path: string | URL): string;
}

declare module "@std/path/posix/relative" {
  /** The way from one path to the other. */
  export function relative(from: string, to: string): string;
}

declare module "@std/path/posix/resolve" {
  /** Make a path absolute, taking the working directory as its start. */
  export function resolve(...pathSegments: string[]): string;
}

declare module "@std/testing/mock" {
  /** One call that a spy has seen. */
  export interface SpyCall<Args extends unknown[] = unknown[], Return = unknown> {
    /** Its arguments. */
    args: Args;
    /** What it returned, if it did. */
    returned?: Return;
    /** What it threw, if it did. */
    error?: Error;
  }

  /** A function that records its calls. */
  export interface Spy<Args extends unknown[] = unknown[], Return = unknown> extends Disposable {
    (...args: Args): Return;
    /** The calls so far. */
    calls: SpyCall<Args, Return>[];
    /** Put the original method back. */
    restore(): void;
  }

  /** Record the calls of a function. */
  export function spy<Args extends unknown[], Return>(
    func: (...args: Args) => Return,
  ): Spy<Args, Return>;

  /** Put `func` in the place of a method until the stub is disposed of. */
  export function stub<Self, Key extends keyof Self>(
    self: Self,
    property: Key,
    func?: Self[Key] extends (...args: infer A) => infer R ? (...args: A) => R : never,
  ): Self[Key] extends (...args: infer A) => infer R ? Spy<A, R> : never;

  /** Fail unless a spy was called this often. */
  export function assertSpyCalls<Args extends unknown[], Return>(
    spy: Spy<Args, Return>,
    expectedCalls: number,
  ): void;
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
