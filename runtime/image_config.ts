/**
 * From an image and `run`'s options to a container's spec.
 *
 * @module
 */

export type * from "./image_config/image.ts";
