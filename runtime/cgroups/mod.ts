/**
 * Control groups: what a container may use, and how it is stopped, counted and cleared away.
 *
 * @module
 */

export * from "./plan.ts";
