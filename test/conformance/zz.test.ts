import { it, expect } from "vitest";
import { serve } from "sluice/node";
import { streamingResponse, setReporter } from "sluice";
import { Probe } from "../helpers/probe.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { send } from "../helpers/wire-client.ts";
it("x", async () => {
  setReporter(() => {});
  for (let i = 0; i < 20; i++) {
  const probe = new Probe();
  const s = await serve(() => streamingResponse(probe.failing(["first,", "second,"], new Error("s")), { mediaType: "text/plain", onFinish: probe.onFinish }), { port: 0 });
  const c = await RawClient.connect(s.port);
  c.get("/");
  const end = await c.end();
  console.log(end, JSON.stringify(c.text.slice(-40)), probe.outcome?.outcome);
  await s.destroy();
  }
});
