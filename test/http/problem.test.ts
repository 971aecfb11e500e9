import { describe, expect, it } from "vitest";
import { HttpError } from "../../src/errors.ts";
import { errorResponse, problemResponse } from "../../src/http/problem.ts";

describe("a problem", () => {
  it("is application/problem+json, and not stored", async () => {
    const response = problemResponse(404, "There is no report of that name");
    expect(response.status).toBe(404);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    const body = await response.text();
    expect(body.endsWith("}\n")).toBe(true);
    expect(JSON.parse(body)).toEqual({ title: "Not Found", status: 404, detail: "There is no report of that name" });
  });

  it("has no detail where there is none", async () => {
    expect(await problemResponse(500).json()).toEqual({ title: "Internal Server Error", status: 500 });
  });

  it("has a title for any status", async () => {
    expect(await problemResponse(418).json()).toEqual({ title: "Status 418", status: 418 });
  });

  it("takes fields of its own beside its type", () => {
    const { headers } = problemResponse(503, undefined, { "Retry-After": "5", "Content-Type": "text/html" });
    expect(headers.get("Retry-After")).toBe("5");
    expect(headers.get("Content-Type")).toBe("application/problem+json");
  });
});

describe("what a client is told of an error", () => {
  it("is the status, detail and fields of an HttpError, and not its cause", async () => {
    const error = new HttpError(429, "Slower, please", { headers: { "Retry-After": "5" }, cause: new Error("secret") });
    const response = errorResponse(error);
    expect(response.status).toBe(429);
    expect(response.headers.get("Retry-After")).toBe("5");
    const body = await response.text();
    expect(JSON.parse(body)).toEqual({ title: "Too Many Requests", status: 429, detail: "Slower, please" });
    expect(body).not.toContain("secret");
  });

  it.each([new Error("secret"), "secret", undefined, null, { status: 404, detail: "secret" }])(
    "is nothing of anything else: %s",
    async (error) => {
      const response = errorResponse(error);
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain("secret");
    },
  );
});

describe("an HttpError", () => {
  it.each([200, 399, 600, 404.5, Number.NaN])("refuses the status %s", (status) => {
    expect(() => new HttpError(status)).toThrow(RangeError);
  });

  it("refuses fields that cannot be sent", () => {
    expect(() => new HttpError(401, "Who are you?", { headers: { "WWW-Authenticate": "a\nb" } })).toThrow(TypeError);
    expect(() => new HttpError(401, "Who are you?", { headers: { "no name": "a" } })).toThrow(TypeError);
  });

  it("has the detail, or the status, as its message", () => {
    expect(new HttpError(404, "No such report").message).toBe("No such report");
    expect(new HttpError(404).message).toBe("HTTP 404");
    expect(new HttpError(404).headers).toEqual({});
  });
});
