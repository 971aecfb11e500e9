export { follow } from "./follow.ts";
export { FollowError } from "./follow/follow-error.ts";
export type { FollowOptions } from "./follow/follow-options.ts";
export type { FollowedEvent } from "./follow/place.ts";
