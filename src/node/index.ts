export type { FetchHandler, NodeRequest, NodeResponse } from "./http-types.ts";
export type { Limits } from "./limits.ts";
export { toNodeListener } from "./listener.ts";
export type { NodeListener } from "./listener.ts";
export { toRequest } from "./request.ts";
export { sendResponse } from "./send.ts";
export type { SendOptions, SendResult } from "./send.ts";
export { serve } from "./serve.ts";
export type { CloseOptions, RunningServer, ServeOptions } from "./serve.ts";
