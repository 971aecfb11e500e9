import { BlockPump } from "./block-pump.ts";
import type { Blocks } from "./blocks.ts";
import { ItemPump } from "./item-pump.ts";
import type { Puller } from "./puller.ts";
import type { Pump, PumpOwner, Sink } from "./sink.ts";

/** What a body opens into: items that are being made, or bytes that are all there. */
export type BodySource = Puller | Blocks;

/** The pump for a source of this kind. */
export function createPump(source: BodySource, sink: Sink, owner: PumpOwner): Pump {
  return "pull" in source ? new ItemPump(source, sink, owner) : new BlockPump(source, sink, owner);
}
