import { describe } from "vitest";
import { checkBudget } from "../helpers/budget-check.ts";
import { bodyRows } from "./rows/bodies.ts";
import { codingRows } from "./rows/codings.ts";
import { failureRows } from "./rows/failures.ts";
import { foreignBodyRows } from "./rows/foreign-bodies.ts";
import { framingRows } from "./rows/framing.ts";
import { handlerRows } from "./rows/handlers.ts";
import { leavingRows } from "./rows/leaving.ts";
import { pipeliningRows } from "./rows/pipelining.ts";
import { trailerRows } from "./rows/trailers.ts";
import { Wire, type WireTarget } from "./wire.ts";

/** The rules of the wire, for one server. */
export function describeWire(target: WireTarget): void {
  describe(target.name, () => {
    checkBudget();
    const wire = new Wire(target);
    bodyRows(wire);
    failureRows(wire);
    leavingRows(wire);
    if (target.sender === "foreign") return;
    foreignBodyRows(wire);
    if (!target.compressesItself) codingRows(wire);
    trailerRows(wire);
    if (target.listener) handlerRows(wire);
    if (target.protocol === "h2") return;
    framingRows(wire);
    pipeliningRows(wire);
  });
}
