import { describe, expect, test } from "vitest";
import { watchReports } from "../helpers/reports.ts";
import { startStreams } from "./support/rig.ts";

watchReports();

const ORIGIN = "https://app.example";

describe("a browser", () => {
  test.each<[string, string | false, Record<string, string | null>]>([
    [
      "of any origin may ask",
      "*",
      { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin", vary: "Accept" },
    ],
    [
      "of one origin may ask",
      ORIGIN,
      {
        "access-control-allow-origin": ORIGIN,
        "cross-origin-resource-policy": "cross-origin",
        vary: "Accept, Origin",
      },
    ],
    [
      "of the same origin may ask",
      false,
      { "access-control-allow-origin": null, "cross-origin-resource-policy": "same-origin", vary: "Accept" },
    ],
  ])("%s", async (_who, cors, expected) => {
    await using rig = await startStreams({ cors });
    await rig.streams.append("s", [1]);
    const page = await fetch(rig.url("s"), { headers: { Origin: ORIGIN } });
    const etag = page.headers.get("ETag")!;
    const unchanged = await fetch(rig.url("s"), { headers: { Origin: ORIGIN, "If-None-Match": etag } });
    expect([page.status, unchanged.status]).toEqual([200, 304]);
    for (const { headers } of [page, unchanged]) {
      expect(Object.fromEntries(Object.keys(expected).map((name) => [name, headers.get(name)]))).toEqual(expected);
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    }
  });

  test("reads what an error and an event stream say, too", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", [], { close: true });
    for (const [url, status] of [
      [rig.url("none"), 404],
      [rig.url("s", "offset=x"), 400],
      [`${rig.server.url}/elsewhere`, 404],
      [rig.url("s"), 204],
    ] as const) {
      const answer = await fetch(url, { headers: { Origin: ORIGIN, Accept: "text/event-stream" } });
      expect(answer.status).toBe(status);
      expect(answer.headers.get("Access-Control-Allow-Origin"), url).toBe("*");
      expect(answer.headers.get("Access-Control-Expose-Headers"), url).toContain("Stream-Next-Offset");
    }
  });

  test("is told of what it has written; others need not be", async () => {
    await using rig = await startStreams();
    const write = (headers: Record<string, string>): Promise<Response> =>
      fetch(rig.url("s"), { method: "PUT", headers: { "Content-Type": "text/plain", ...headers } });
    const exposed = [await write({ Origin: ORIGIN }), await write({})].map(({ headers }) => [
      headers.get("Access-Control-Allow-Origin"),
      headers.has("Access-Control-Expose-Headers"),
      headers.get("X-Content-Type-Options"),
    ]);
    expect(exposed).toEqual([
      ["*", true, "nosniff"],
      [null, false, "nosniff"],
    ]);
  });

  test("is told beforehand what it may send", async () => {
    await using rig = await startStreams();
    const asks = { Origin: ORIGIN, "Access-Control-Request-Method": "POST" };
    const answer = await fetch(rig.url("s"), { method: "OPTIONS", headers: asks });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    for (const field of ["Last-Event-ID", "If-None-Match", "Producer-Seq", "Stream-Closed"]) {
      expect(answer.headers.get("Access-Control-Allow-Headers")).toContain(field);
    }
  });
});
