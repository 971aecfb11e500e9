/** One event to any number of readers: encoded once, whoever reads it. Run it, and follow it with curl in two terminals. */
import { EventBroadcast, eventStreamResponse } from "sluice";
import { serve } from "sluice/node";

const prices = new EventBroadcast();
setInterval(() => prices.publish({ event: "price", data: { price: Math.random() } }), 1000).unref();

const server = await serve((request) => eventStreamResponse(request, prices), {
  port: Number(process.env["PORT"] ?? 8000),
});
console.log(`curl -N ${server.url}`);
